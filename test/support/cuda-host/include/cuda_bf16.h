/** Bfloat16 lies with everything else. */
#pragma once
#include "cuda_host.h"
