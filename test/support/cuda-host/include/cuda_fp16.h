/** Half lies with everything else. */
#pragma once
#include "cuda_host.h"
