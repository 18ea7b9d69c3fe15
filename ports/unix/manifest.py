include("$(MPY_DIR)/extmod/asyncio")
require("requests")
require("mip")
