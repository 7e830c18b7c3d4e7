import { SetMetadata } from '@nestjs/common';

export const RESERVES_QUOTA = 'router:reserves-quota';

/**
 * The route calls models: its request is counted with its tokens, slot and money in one reservation. Every other route counts
 * as a request of its caller, unless it is marked `@SkipThrottle()`.
 */
export const ReservesQuota = () => SetMetadata(RESERVES_QUOTA, true);
