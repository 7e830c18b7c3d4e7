import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Probe } from '../../common/http/access.decorators.js';
import { HEALTH_DOCS, READY_DOCS, UNREADY_DOCS } from './health.docs.js';
import { ReadinessProbe, type Readiness } from './readiness.js';

/** Seconds after which a prober or a balancer may ask again. */
const RETRY_AFTER_SECONDS = '5';

@ApiTags('Operations')
@Controller()
export class HealthController {
  constructor(private readonly probe: ReadinessProbe) {}

  @Get('health')
  @Probe()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Liveness',
    description: '200 while the process can answer at all. Touches nothing, so that a dead store never restarts it.',
  })
  @ApiOkResponse(HEALTH_DOCS)
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @Probe()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Readiness',
    description:
      'Whether a load balancer should send requests here: 200 for `ready` and `degraded` (a store is away, requests are ' +
      'served), 503 for `unready` (no target can answer, or, with `sessions.requireDurable`, no store can keep a turn) ' +
      'and `draining` (shutting down).',
  })
  @ApiOkResponse(READY_DOCS)
  @ApiServiceUnavailableResponse(UNREADY_DOCS)
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const readiness = await this.probe.read();
    if (readiness.status === 'unready' || readiness.status === 'draining') {
      reply.code(503).header('retry-after', RETRY_AFTER_SECONDS);
    }
    return readiness;
  }
}
