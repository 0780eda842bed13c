# CMSIS-NN for KERNELS=cmsis: fetched by `make cmsis-nn`, or CMSIS_NN_DIR=FOLDER, a checkout of
# its repository, with CMSIS_CORE_DIR=FOLDER, that of CMSIS-Core's headers, where it needs these.
CMSIS_NN_FETCHED := firmware/build/cmsis-nn
CMSIS_NN_DIR ?= $(CMSIS_NN_FETCHED)
CMSIS_CORE_DIR ?= $(CMSIS_NN_DIR)/Core
CMSIS_NN_FUNCTIONS := Convolution FullyConnected NNSupport Pooling

KERNEL_EXTRA_cmsis = $(sort $(foreach one,$(CMSIS_NN_FUNCTIONS),\
    $(wildcard $(CMSIS_NN_DIR)/Source/$(one)Functions/*_s8*.c \
        $(CMSIS_NN_DIR)/Source/$(one)Functions/arm_q7_to*.c)))
# Foreign sources: no warnings.
KERNEL_FLAGS_cmsis = -w -Ifirmware/src/kernels/cmsis -I$(CMSIS_NN_DIR)/Include -I$(CMSIS_CORE_DIR)

ifneq ($(filter cmsis,$(KERNELS)),)
ifeq ($(filter cmsis-nn,$(MAKECMDGOALS))$(wildcard $(CMSIS_NN_DIR)/Include/arm_nnfunctions.h),)
$(error KERNELS=cmsis needs CMSIS-NN, which is not in $(CMSIS_NN_DIR); run: make cmsis-nn)
endif
endif

.PHONY: cmsis-nn
cmsis-nn: $(CMSIS_NN_FETCHED)/fetched  ## Fetch Arm's CMSIS-NN, to compare with or for KERNELS=cmsis

$(CMSIS_NN_FETCHED)/fetched: firmware/cmsis-nn.txt | $(BIN)/python
	rm -rf $(@D)
	mkdir -p $(@D)
	$(BIN)/python -m pip download --quiet --no-deps --require-hashes --dest $(@D) --requirement $<
	$(BIN)/python -m zipfile --extract $(@D)/*.whl $(@D)/package
	mv $(@D)/package/bakenn/backend/cmsis_nn/vendor/cmsis_nn/* $(@D)
	mv $(@D)/package/bakenn/backend/cmsis_nn/vendor/cmsis_core/Include $(@D)/Core
	rm -r $(@D)/package $(@D)/*.whl
	touch $@
