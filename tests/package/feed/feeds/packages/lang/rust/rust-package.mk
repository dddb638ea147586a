# A define of ours stands in the way of the default one, as in the SDK.
define RustBinPackage
endef
