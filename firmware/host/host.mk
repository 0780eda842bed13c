# The C sources built for this machine: `make host`, and the generated sources: `make generate`.
HOST_BUILD := firmware/build
GENERATED := firmware/generated
HOST_CC ?= cc
KWS_CFLAGS := -std=c99 -Wall -Wextra -Wconversion -Wpedantic -Werror
KWS_CFLAGS += -Ifirmware/include -Ifirmware/src -I$(GENERATED)
KWS_VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' app/kws/__init__.py)
KWS_CFLAGS += -DKWS_VERSION='"$(KWS_VERSION)"'

include firmware/kernels.mk
# a Pi's 32-bit compiler leaves NEON out, which all but the first Pis have
ifneq ($(filter arm-linux-%,$(shell $(HOST_CC) -dumpmachine)),)
KERNEL_FLAGS_simd := $(shell grep -qwE 'neon|asimd' /proc/cpuinfo \
	&& echo -march=armv7-a -mfpu=neon -mfloat-abi=hard)
endif
CHAIN_SOURCES := $(sort $(wildcard firmware/src/*.c))
LIBRARY_SOURCES := $(CHAIN_SOURCES) $(KERNEL_SOURCES)
HOST_SOURCES := $(LIBRARY_SOURCES) $(GENERATED)/frontend.c $(GENERATED)/kws_model.c \
	firmware/host/main.c firmware/host/wav.c
C_HEADERS := $(KERNEL_HEADERS) $(wildcard firmware/include/*.h firmware/src/*.h $(GENERATED)/*.h \
	firmware/host/*.h)

.PHONY: host
host: $(HOST_BUILD)/libkws.so $(HOST_BUILD)/kws_host $(HOST_BUILD)/libcount.so  ## Build the C twin for this machine

# The library with each backend that this machine can run; libkws.so is that of KERNELS.
# CMSIS-NN's plain C, where it is there, with the three macros that only Arm's compilers define.
HOST_BACKENDS := $(sort $(KERNELS) $(filter portable fast simd,$(BACKENDS)) \
	$(if $(wildcard $(CMSIS_NN_DIR)/Include/arm_nnfunctions.h),cmsis))
HOST_FLAGS_cmsis := -D__GNUC_PYTHON__ -D__RESTRICT=__restrict -D__CLZ=__builtin_clz
host_flags = $(KWS_CFLAGS) $(call kernel_flags,$(1)) $(HOST_FLAGS_$(1))
BACKEND_LIBRARIES := $(HOST_BACKENDS:%=$(HOST_BUILD)/libkws-%.so)

.PHONY: backends
backends: $(BACKEND_LIBRARIES)

# $(call library,FILE,BACKEND,FLAGS): moved into place, so that a program which has the old library
# loaded keeps it, and under a name of its own until then, in case two are building it.
define library
$(1): $(CHAIN_SOURCES) $(call kernel_sources,$(2)) $(C_HEADERS) app/kws/__init__.py | $(HOST_BUILD)
	$(HOST_CC) $(call host_flags,$(2)) $(3) -fPIC -shared \
	    $(CHAIN_SOURCES) $(call kernel_sources,$(2)) -o $$@.$$$$$$$$ && mv $$@.$$$$$$$$ $$@
endef
$(foreach backend,$(HOST_BACKENDS),\
    $(eval $(call library,$(HOST_BUILD)/libkws-$(backend).so,$(backend),-O3)))

# Compared, because another KERNELS may have built what is there.
$(HOST_BUILD)/libkws.so: $(HOST_BUILD)/libkws-$(KERNELS).so FORCE
	@cmp -s $< $@ || { cp $< $@.$$$$ && mv $@.$$$$ $@; }

.PHONY: FORCE
FORCE:

$(HOST_BUILD)/kws_host: $(HOST_SOURCES) $(C_HEADERS) app/kws/__init__.py | $(HOST_BUILD)
	$(HOST_CC) $(call host_flags,$(KERNELS)) -O3 -o $@ $(HOST_SOURCES)

# What counts the instructions of emulated code.
$(HOST_BUILD)/libcount.so: firmware/host/count.c | $(HOST_BUILD)
	$(HOST_CC) $(KWS_CFLAGS) -O2 -fPIC -shared -o $@.new $<
	mv $@.new $@

# What the tests run under sanitizers: the library, the program, and a fuzz target (clang's).
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_SOURCES := $(LIBRARY_SOURCES) $(GENERATED)/frontend.c firmware/host/wav.c firmware/host/fuzz.c \
	firmware/host/fuzz_model.c

SANITIZE_cmsis := -fno-sanitize=undefined # it shifts an int into its sign
SANITIZED_LIBRARIES := $(HOST_BACKENDS:%=$(HOST_BUILD)/libkws-%-sanitized.so)

.PHONY: sanitized
sanitized: $(SANITIZED_LIBRARIES) $(HOST_BUILD)/kws_host-sanitized $(HOST_BUILD)/fuzz

$(foreach backend,$(HOST_BACKENDS),\
    $(eval $(call library,$(HOST_BUILD)/libkws-$(backend)-sanitized.so,$(backend),$(SANITIZE) $(SANITIZE_$(backend)))))

$(HOST_BUILD)/kws_host-sanitized: $(HOST_SOURCES) $(C_HEADERS) | $(HOST_BUILD)
	$(HOST_CC) $(call host_flags,$(KERNELS)) $(SANITIZE) -o $@ $(HOST_SOURCES)

$(HOST_BUILD)/fuzz: $(FUZZ_SOURCES) $(C_HEADERS) | $(HOST_BUILD)
	clang $(call host_flags,$(KERNELS)) $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    $(FUZZ_SOURCES)

$(HOST_BUILD):
	mkdir -p $@

.PHONY: generate generate-check
generate:  ## Write firmware/generated/ from the model
	$(BIN)/python -m kws.export --out $(GENERATED)

generate-check:
	$(BIN)/python -m kws.export --out $(GENERATED) --check
