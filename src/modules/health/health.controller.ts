import { Controller, Get, Header, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Probe } from '../../common/http/access.decorators.js';
import { HEALTH_DOCS, READY_DOCS, UNREADY_DOCS, VERBOSE_DOCS } from './health.docs.js';
import { ReadinessProbe, type Readiness } from './readiness.js';
import { ReadinessReporter, type ReadinessReport } from './readiness-report.js';

/** Seconds after which a prober or a balancer may ask again. */
const RETRY_AFTER_SECONDS = '5';

@ApiTags('Operations')
@Controller()
export class HealthController {
  constructor(
    private readonly probe: ReadinessProbe,
    private readonly reporter: ReadinessReporter,
  ) {}

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
      'and `draining` (shutting down). Each part is checked by itself, within its own deadline; what a store said is at ' +
      'most 1 s old. No credential is needed; parameters that are not known are ignored.',
  })
  @ApiQuery(VERBOSE_DOCS)
  @ApiOkResponse(READY_DOCS)
  @ApiServiceUnavailableResponse(UNREADY_DOCS)
  async ready(
    @Query('verbose') verbose: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readiness | string> {
    const readiness = await (isOff(verbose) ? this.probe : this.reporter).read();
    if (readiness.status === 'unready' || readiness.status === 'draining') {
      reply.code(503).header('retry-after', RETRY_AFTER_SECONDS);
    }
    if (isOff(verbose)) return readiness;
    reply.header('content-type', 'application/json; charset=utf-8');
    return asPage(readiness as ReadinessReport);
  }
}

const NO = ['false', '0', 'no', 'off'];

/** A prober is never refused for what it asks with: `?verbose` and every value that does not say no is yes. */
const isOff = (verbose: unknown): boolean =>
  verbose === undefined || (typeof verbose === 'string' && NO.includes(verbose.toLowerCase()));

/** For the eyes of a person. */
const asPage = (report: ReadinessReport): string => `${JSON.stringify(report, null, 2)}\n`;
