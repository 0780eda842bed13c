# The detector's C sources built for this machine: `make host`.
HOST_BUILD := firmware/build
HOST_CC ?= cc
KWS_CFLAGS := -std=c99 -Wall -Wextra -Wconversion -Wpedantic -Werror -Ifirmware/src
KWS_SOURCES := $(sort $(wildcard firmware/src/*.c))
KWS_HEADERS := $(sort $(wildcard firmware/src/*.h))

.PHONY: host
host: $(HOST_BUILD)/libkws.so  ## Build the C twin of the front-end for this machine

$(HOST_BUILD)/libkws.so: $(KWS_SOURCES) $(KWS_HEADERS) | $(HOST_BUILD)
	$(HOST_CC) $(KWS_CFLAGS) -O2 -fPIC -shared -o $@.new $(KWS_SOURCES)
	mv $@.new $@

$(HOST_BUILD):
	mkdir -p $@

# The front-end's tables of KWS_MODEL, or of the defaults where it is not set.
KWS_GENERATE = PYTHONPATH=app $(or $(PYTHON),.venv/bin/python) -m kws.generate $(KWS_MODEL:%=--model %)

.PHONY: generate generate-check
generate:  ## Write firmware/generated/ from the model
	$(KWS_GENERATE)

generate-check:
	$(KWS_GENERATE) --check
