# Which sources make a backend: KERNELS=simd, or another folder of firmware/src/kernels.
#
# $(call kernel_sources,BACKEND) has one file for each function of kernels.h: the backend's own, or
# portable's where it has none; then what the backend names besides in KERNEL_EXTRA_BACKEND.
# $(call kernel_flags,BACKEND) is what the compiler needs for them, KERNEL_FLAGS_BACKEND.
KERNELS ?= simd
KERNEL_FOLDER := firmware/src/kernels
BACKENDS := $(notdir $(patsubst %/,%,$(wildcard $(KERNEL_FOLDER)/*/)))
ifeq ($(filter $(KERNELS),$(BACKENDS)),)
$(error KERNELS=$(KERNELS) is not known; expected one of: $(BACKENDS))
endif
KERNEL_FUNCTIONS := $(sort $(notdir $(wildcard $(KERNEL_FOLDER)/portable/*.c)))

include firmware/cmsis_nn.mk
KERNEL_EXTRA_simd := $(KERNEL_FOLDER)/simd/dot.c

kernel_sources = $(foreach file,$(KERNEL_FUNCTIONS),$(firstword \
	$(wildcard $(KERNEL_FOLDER)/$(1)/$(file)) $(KERNEL_FOLDER)/portable/$(file))) \
	$(KERNEL_EXTRA_$(1))
kernel_flags = $(KERNEL_FLAGS_$(1))

KERNEL_HEADERS := $(wildcard $(KERNEL_FOLDER)/*.h $(KERNEL_FOLDER)/*/*.h)
KERNEL_SOURCES = $(call kernel_sources,$(KERNELS))
