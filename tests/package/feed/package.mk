# make Package/NAME/install TO=folder puts the package's files there; make Build/Prepare copies the sources.
define BuildPackage
Package/$(1)/install:
	$$(call Package/$(1)/install,$$(TO))
endef
Build/Prepare:
	$(Build/Prepare)
.PHONY: Build/Prepare
