// Sizes: the public EC2 instance tables. Prices: United States dollars an hour on demand in
// us-east-1, as the public SageMaker training price list stood in 2024, entered by hand and
// rounded; AWS changes them, so they are for estimates and for labs, not for a bill. AWS publishes
// no list for managed spot training; kSpotShare is a usual long-run share of the on-demand price
// and only an estimate.
#include "compute/instance_types.h"

namespace tidemill::compute {

namespace {

constexpr double kSpotShare = 0.35;

constexpr InstanceType row(std::string_view name, int vcpus, double memory_gib, double usd_an_hour,
                           int gpus = 0, std::string_view gpu = {}) {
  return {name, vcpus, memory_gib, gpus, gpu, usd_an_hour, usd_an_hour * kSpotShare};
}

// Ordered by name.
// clang-format off
constexpr InstanceType kInstanceTypes[] = {
    row("ml.c4.2xlarge", 8, 15, 0.478),
    row("ml.c4.4xlarge", 16, 30, 0.955),
    row("ml.c4.8xlarge", 36, 60, 1.909),
    row("ml.c4.large", 2, 3.75, 0.12),
    row("ml.c4.xlarge", 4, 7.5, 0.239),
    row("ml.c5.18xlarge", 72, 144, 3.672),
    row("ml.c5.2xlarge", 8, 16, 0.408),
    row("ml.c5.4xlarge", 16, 32, 0.816),
    row("ml.c5.9xlarge", 36, 72, 1.836),
    row("ml.c5.large", 2, 4, 0.102),
    row("ml.c5.xlarge", 4, 8, 0.204),
    row("ml.c6i.12xlarge", 48, 96, 2.448),
    row("ml.c6i.16xlarge", 64, 128, 3.264),
    row("ml.c6i.24xlarge", 96, 192, 4.896),
    row("ml.c6i.2xlarge", 8, 16, 0.408),
    row("ml.c6i.32xlarge", 128, 256, 6.528),
    row("ml.c6i.4xlarge", 16, 32, 0.816),
    row("ml.c6i.8xlarge", 32, 64, 1.632),
    row("ml.c6i.large", 2, 4, 0.102),
    row("ml.c6i.xlarge", 4, 8, 0.204),
    row("ml.c7i.12xlarge", 48, 96, 2.5704),
    row("ml.c7i.16xlarge", 64, 128, 3.4272),
    row("ml.c7i.24xlarge", 96, 192, 5.1408),
    row("ml.c7i.2xlarge", 8, 16, 0.4284),
    row("ml.c7i.48xlarge", 192, 384, 10.2816),
    row("ml.c7i.4xlarge", 16, 32, 0.8568),
    row("ml.c7i.8xlarge", 32, 64, 1.7136),
    row("ml.c7i.large", 2, 4, 0.1071),
    row("ml.c7i.xlarge", 4, 8, 0.2142),
    row("ml.g4dn.12xlarge", 48, 192, 4.89, 4, "NVIDIA T4"),
    row("ml.g4dn.16xlarge", 64, 256, 5.44, 1, "NVIDIA T4"),
    row("ml.g4dn.2xlarge", 8, 32, 0.94, 1, "NVIDIA T4"),
    row("ml.g4dn.4xlarge", 16, 64, 1.505, 1, "NVIDIA T4"),
    row("ml.g4dn.8xlarge", 32, 128, 2.72, 1, "NVIDIA T4"),
    row("ml.g4dn.xlarge", 4, 16, 0.7364, 1, "NVIDIA T4"),
    row("ml.g5.12xlarge", 48, 192, 7.09, 4, "NVIDIA A10G"),
    row("ml.g5.16xlarge", 64, 256, 5.12, 1, "NVIDIA A10G"),
    row("ml.g5.24xlarge", 96, 384, 10.18, 4, "NVIDIA A10G"),
    row("ml.g5.2xlarge", 8, 32, 1.515, 1, "NVIDIA A10G"),
    row("ml.g5.48xlarge", 192, 768, 20.36, 8, "NVIDIA A10G"),
    row("ml.g5.4xlarge", 16, 64, 2.03, 1, "NVIDIA A10G"),
    row("ml.g5.8xlarge", 32, 128, 3.06, 1, "NVIDIA A10G"),
    row("ml.g5.xlarge", 4, 16, 1.408, 1, "NVIDIA A10G"),
    row("ml.m4.10xlarge", 40, 160, 2.4),
    row("ml.m4.16xlarge", 64, 256, 3.84),
    row("ml.m4.2xlarge", 8, 32, 0.48),
    row("ml.m4.4xlarge", 16, 64, 0.96),
    row("ml.m4.xlarge", 4, 16, 0.24),
    row("ml.m5.12xlarge", 48, 192, 2.7648),
    row("ml.m5.24xlarge", 96, 384, 5.5296),
    row("ml.m5.2xlarge", 8, 32, 0.4608),
    row("ml.m5.4xlarge", 16, 64, 0.9216),
    row("ml.m5.large", 2, 8, 0.1152),
    row("ml.m5.xlarge", 4, 16, 0.2304),
    row("ml.m5d.12xlarge", 48, 192, 3.2544),
    row("ml.m5d.16xlarge", 64, 256, 4.3392),
    row("ml.m5d.24xlarge", 96, 384, 6.5088),
    row("ml.m5d.2xlarge", 8, 32, 0.5424),
    row("ml.m5d.4xlarge", 16, 64, 1.0848),
    row("ml.m5d.8xlarge", 32, 128, 2.1696),
    row("ml.m5d.large", 2, 8, 0.1356),
    row("ml.m5d.xlarge", 4, 16, 0.2712),
    row("ml.m6i.12xlarge", 48, 192, 2.7648),
    row("ml.m6i.16xlarge", 64, 256, 3.6864),
    row("ml.m6i.24xlarge", 96, 384, 5.5296),
    row("ml.m6i.2xlarge", 8, 32, 0.4608),
    row("ml.m6i.32xlarge", 128, 512, 7.3728),
    row("ml.m6i.4xlarge", 16, 64, 0.9216),
    row("ml.m6i.8xlarge", 32, 128, 1.8432),
    row("ml.m6i.large", 2, 8, 0.1152),
    row("ml.m6i.xlarge", 4, 16, 0.2304),
    row("ml.m7i.12xlarge", 48, 192, 2.903),
    row("ml.m7i.16xlarge", 64, 256, 3.8707),
    row("ml.m7i.24xlarge", 96, 384, 5.8061),
    row("ml.m7i.2xlarge", 8, 32, 0.4838),
    row("ml.m7i.48xlarge", 192, 768, 11.6122),
    row("ml.m7i.4xlarge", 16, 64, 0.9677),
    row("ml.m7i.8xlarge", 32, 128, 1.9354),
    row("ml.m7i.large", 2, 8, 0.121),
    row("ml.m7i.xlarge", 4, 16, 0.2419),
    row("ml.p3.16xlarge", 64, 488, 28.152, 8, "NVIDIA V100"),
    row("ml.p3.2xlarge", 8, 61, 3.825, 1, "NVIDIA V100"),
    row("ml.p3.8xlarge", 32, 244, 14.688, 4, "NVIDIA V100"),
    row("ml.p3dn.24xlarge", 96, 768, 35.894, 8, "NVIDIA V100"),
    row("ml.p4d.24xlarge", 96, 1152, 37.688, 8, "NVIDIA A100"),
    row("ml.r5.12xlarge", 48, 384, 3.6288),
    row("ml.r5.16xlarge", 64, 512, 4.8384),
    row("ml.r5.24xlarge", 96, 768, 7.2576),
    row("ml.r5.2xlarge", 8, 64, 0.6048),
    row("ml.r5.4xlarge", 16, 128, 1.2096),
    row("ml.r5.8xlarge", 32, 256, 2.4192),
    row("ml.r5.large", 2, 16, 0.1512),
    row("ml.r5.xlarge", 4, 32, 0.3024),
    row("ml.r6i.12xlarge", 48, 384, 3.6288),
    row("ml.r6i.16xlarge", 64, 512, 4.8384),
    row("ml.r6i.24xlarge", 96, 768, 7.2576),
    row("ml.r6i.2xlarge", 8, 64, 0.6048),
    row("ml.r6i.32xlarge", 128, 1024, 9.6768),
    row("ml.r6i.4xlarge", 16, 128, 1.2096),
    row("ml.r6i.8xlarge", 32, 256, 2.4192),
    row("ml.r6i.large", 2, 16, 0.1512),
    row("ml.r6i.xlarge", 4, 32, 0.3024),
    row("ml.t2.2xlarge", 8, 32, 0.4454),
    row("ml.t2.large", 2, 8, 0.1114),
    row("ml.t2.medium", 2, 4, 0.0557),
    row("ml.t2.xlarge", 4, 16, 0.2227),
    row("ml.t3.2xlarge", 8, 32, 0.3994),
    row("ml.t3.large", 2, 8, 0.0998),
    row("ml.t3.medium", 2, 4, 0.05),
    row("ml.t3.xlarge", 4, 16, 0.1997),
};
// clang-format on

}  // namespace

std::span<const InstanceType> instance_types() { return kInstanceTypes; }

}  // namespace tidemill::compute
