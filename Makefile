include firmware/host/host.mk
