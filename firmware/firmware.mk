# An image for a board: `make firmware BOARD=stm32l496g-disco [MODEL=st-hybrid] [KERNELS=cmsis]`.
#
# A board is a folder firmware/board/BOARD with memory.ld (the regions FLASH, RAM and DMA) and
# board.mk, which sets
#   BOARD_CPU      cortex-m4 or cortex-m7
#   BOARD_SOURCES  C files that provide board.h
#   BOARD_CFLAGS, BOARD_LDFLAGS  what those need besides
#   BOARD_OPENOCD  OpenOCD's configuration file, or BOARD_MACHINE, QEMU's machine,
#                  and BOARD_SHIFT, its speed: 2 ** BOARD_SHIFT nanoseconds an instruction
BOARDS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard firmware/board/*/board.mk)))))
BOARD ?= stm32l496g-disco
CROSS ?= arm-none-eabi-
DEFAULT_MODEL := $(shell sed -n 's/^DEFAULT_MODEL = "\(.*\)".*/\1/p' app/kws/artefact.py)
MODELS := $(sort $(patsubst models/%/manifest.json,%,$(wildcard models/*/manifest.json)))
MODEL ?= $(DEFAULT_MODEL)
STACK ?= 4096
PROBE ?= openocd
PORT ?= $(firstword $(wildcard /dev/serial/by-id/*STLINK* /dev/serial/by-id/*STLink*) /dev/ttyACM0)
BAUD := 115200

ifneq ($(filter firmware image flash emulate,$(MAKECMDGOALS)),)
ifeq ($(filter $(BOARD),$(BOARDS)),)
$(error BOARD=$(BOARD) is not known; expected one of: $(BOARDS))
endif
ifeq ($(filter $(MODEL),$(MODELS)),)
$(error MODEL=$(MODEL) is not known; expected one of: $(MODELS))
endif
endif
-include firmware/board/$(BOARD)/board.mk

# Boards take the kernels made for them, where nothing else is asked for.
BOARD_KERNELS := $(if $(filter file,$(origin KERNELS)),fast,$(KERNELS))
IMAGE := firmware/build/$(BOARD)/$(MODEL)-$(BOARD_KERNELS)
MODEL_FOLDER := $(if $(filter $(DEFAULT_MODEL),$(MODEL)),$(GENERATED),firmware/build/models/$(MODEL))
FIRMWARE_SOURCES := $(CHAIN_SOURCES) $(call kernel_sources,$(BOARD_KERNELS)) \
	$(MODEL_FOLDER)/kws_model.c $(MODEL_FOLDER)/frontend.c \
	firmware/board/main.c firmware/board/audio.c firmware/board/common/startup.c $(BOARD_SOURCES)
FIRMWARE_OBJECTS := $(patsubst %.c,$(IMAGE)/%.o,$(FIRMWARE_SOURCES))

# No floating-point unit: where float crept in, its library functions would be seen in the map.
FIRMWARE_FLAGS := -mcpu=$(BOARD_CPU) -mthumb -mfloat-abi=soft
FIRMWARE_CFLAGS := $(filter-out -I$(GENERATED),$(KWS_CFLAGS)) $(FIRMWARE_FLAGS) -O2 -g \
	-ffp-contract=off -ffunction-sections -fdata-sections \
	-I$(MODEL_FOLDER) -Ifirmware/board -DKWS_BOARD='"$(BOARD)"' \
	$(call kernel_flags,$(BOARD_KERNELS)) $(BOARD_CFLAGS)
FIRMWARE_LDFLAGS := $(FIRMWARE_FLAGS) -nostartfiles --specs=nano.specs $(BOARD_LDFLAGS) \
	-Lfirmware/board/$(BOARD) -Tfirmware/board/common/sections.ld \
	-Wl,--gc-sections,--fatal-warnings,--defsym=STACK_BYTES=$(STACK)

.PHONY: firmware image image-path flash monitor emulate
firmware: image  ## Build an image for BOARD (MODEL=, KERNELS=), and say what it takes
	@echo "$(IMAGE).elf, .hex, .bin, .map"
	@PYTHONPATH=app $(PYTHON) -m kws.footprint $(IMAGE).map

image: $(IMAGE).elf $(IMAGE).hex $(IMAGE).bin

# What tests ask for: the image's path without a suffix.
image-path:
	@echo $(IMAGE)

$(IMAGE).elf: $(FIRMWARE_OBJECTS) firmware/board/common/sections.ld firmware/board/$(BOARD)/memory.ld
	$(CROSS)gcc $(FIRMWARE_LDFLAGS) -Wl,-Map=$(@:.elf=.map) -o $@ $(FIRMWARE_OBJECTS)

$(IMAGE).hex: $(IMAGE).elf
	$(CROSS)objcopy -O ihex $< $@

$(IMAGE).bin: $(IMAGE).elf
	$(CROSS)objcopy -O binary $< $@

$(IMAGE)/%.o: %.c firmware/firmware.mk app/kws/__init__.py | cross-compiler
	@mkdir -p $(@D)
	$(CROSS)gcc $(FIRMWARE_CFLAGS) -MMD -MP -c -o $@ $<

-include $(FIRMWARE_OBJECTS:.o=.d)

firmware/build/models/%/kws_model.c firmware/build/models/%/frontend.c &: models/%/manifest.json \
	models/%/model.tflite $(wildcard app/kws/*.py) | $(VENV)/.runtime
	$(BIN)/python -m kws.export $* --out firmware/build/models/$* >&2

# kept, as what is made on the way to something else is not
.SECONDARY:

.PHONY: cross-compiler
cross-compiler:
	@echo '#include <string.h>' | $(CROSS)gcc -E - >/dev/null 2>&1 \
	    || { echo "make firmware needs: sudo apt-get install --no-install-recommends" \
	    "gcc-arm-none-eabi libnewlib-arm-none-eabi" >&2; exit 1; }

# -- onto the board, and what it says --------------------------------------------------------------
flash: $(IMAGE).elf $(IMAGE).hex  ## Write the image into BOARD; PROBE=st-flash takes that program
	@[ -n "$(BOARD_OPENOCD)" ] || { echo "$(BOARD) is emulated: make emulate BOARD=$(BOARD)" \
	    "WAV=examples/commands.wav" >&2; exit 1; }
	@case "$(PROBE)" in openocd) package=openocd ;; st-flash) package=stlink-tools ;; \
	    *) echo "PROBE=$(PROBE) is not known; expected openocd or st-flash" >&2; exit 1 ;; esac; \
	command -v $(PROBE) >/dev/null \
	    || { echo "make flash needs: sudo apt-get install $$package" >&2; exit 1; }
	$(FLASH_$(PROBE))

FLASH_openocd = openocd -f $(BOARD_OPENOCD) -c "program $(IMAGE).elf verify reset exit"
FLASH_st-flash = st-flash --reset --format ihex write $(IMAGE).hex

monitor:  ## Show what a board says; PORT=/dev/ttyACM0 names its serial port
	@[ -c "$(PORT)" ] || { echo "$(PORT) is no serial port; connect the board's ST-LINK, or name" \
	    "another: make monitor PORT=/dev/ttyACM1" >&2; exit 1; }
	@[ -r "$(PORT)" ] || { echo "$(PORT) may not be read: sudo adduser $$USER dialout, then log in" \
	    "again" >&2; exit 1; }
	@echo "$(PORT) at $(BAUD) baud; Ctrl-C ends"
	@stty -F "$(PORT)" $(BAUD) raw -echo && exec cat "$(PORT)"

emulate: $(IMAGE).elf  ## Run BOARD=qemu-m4 or qemu-m7 on WAV=FILE; HOW=paced in real time, HOW=SEED
	@[ -n "$(BOARD_MACHINE)" ] || { echo "$(BOARD) has no emulator here; expected" \
	    "$(patsubst firmware/board/%/board.mk,%,$(wildcard firmware/board/qemu-*/board.mk))" >&2; \
	    exit 1; }
	@command -v qemu-system-arm >/dev/null \
	    || { echo "make emulate needs: sudo apt-get install qemu-system-arm" >&2; exit 1; }
	@qemu-system-arm -M $(BOARD_MACHINE) -kernel $(IMAGE).elf $(EMULATOR_FLAGS) </dev/null

# HOW=paced makes an instruction last 2 ** SHIFT nanoseconds, so that time is the same everywhere.
WAV ?= examples/commands.wav
SHIFT ?= $(BOARD_SHIFT)
comma := ,
EMULATOR_FLAGS = -display none -monitor none -serial none -chardev stdio,id=terminal \
	-semihosting-config enable=on,target=native,chardev=terminal,arg=kws,arg=$(WAV)$(if \
	$(HOW),$(comma)arg=$(HOW)) $(if $(filter paced,$(HOW)),-icount shift=$(SHIFT)$(comma)sleep=off)
