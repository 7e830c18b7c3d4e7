import { applyDecorators, SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';

export const RESERVES_QUOTA = 'router:reserves-quota';

/**
 * The route calls models: its request is counted with its tokens, slot and money in one reservation. Every other route counts
 * as a request of its caller, unless it is marked `@SkipThrottle()`.
 */
export const ReservesQuota = () =>
  applyDecorators(SetMetadata(RESERVES_QUOTA, true), RouteConfig({ callsModels: true }));
