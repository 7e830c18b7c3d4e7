import { Controller, Get, Header, Headers, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RateLimitExceeded } from '../../common/app-error.js';
import { Public } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { MetricsScrape } from './metrics-scrape.js';

const SAMPLE = 'router_requests_total{model="auto",target="local",status="200"} 42';
const HELP = 'Requests to routes that call models, ended.';

const PROMETHEUS_EXAMPLE = [
  `# HELP router_requests_total ${HELP}`,
  '# TYPE router_requests_total counter',
  SAMPLE,
].join('\n');

const OPEN_METRICS_EXAMPLE = [`# HELP router_requests ${HELP}`, '# TYPE router_requests counter', SAMPLE, '# EOF'].join(
  '\n',
);

@ApiTags('Operations')
@Controller()
export class MetricsController {
  constructor(private readonly scrape: MetricsScrape) {}

  @Get('metrics')
  @Public()
  @Header('cache-control', 'no-store')
  @Header('vary', 'accept')
  @ApiOperation({
    summary: 'Metrics of this replica',
    description:
      'Prometheus text format 0.0.4, or OpenMetrics 1.0 with the trace ids of examples, where the scraper rather has ' +
      'that (`Accept: application/openmetrics-text`). Needs no credential, as scrapers have none: labels name models and ' +
      'targets, never tenants, users, sessions or prompts. Keep the path off the public ingress, or give it a port of its ' +
      'own with `telemetry.metricsPort`.',
  })
  @ApiHeader({
    name: 'accept',
    required: false,
    description: 'Which form; the older one unless OpenMetrics is asked for by name.',
    schema: { type: 'string', example: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' },
  })
  @ApiOkResponse({
    description: 'All metrics.',
    content: {
      'text/plain': { schema: { type: 'string' }, example: PROMETHEUS_EXAMPLE },
      'application/openmetrics-text': { schema: { type: 'string' }, example: OPEN_METRICS_EXAMPLE },
    },
  })
  @ApiErrors(RateLimitExceeded) // of one address, as every page that is open
  async read(
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const { contentType, text } = await this.scrape.read(accept);
    reply.header('content-type', contentType);
    return text;
  }
}
