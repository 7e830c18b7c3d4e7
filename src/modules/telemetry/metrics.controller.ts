import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { RateLimitExceeded } from '../../common/app-error.js';
import { Public } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { MetricsScrape } from './metrics-scrape.js';

const EXAMPLE = [
  '# HELP router_requests_total Chat requests that ended.',
  '# TYPE router_requests_total counter',
  'router_requests_total{model="auto",status="200"} 42',
].join('\n');

@ApiTags('Operations')
@Controller()
export class MetricsController {
  constructor(private readonly scrape: MetricsScrape) {}

  @Get('metrics')
  @Public()
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Metrics of this replica',
    description:
      'Prometheus text format 0.0.4. Needs no credential, as scrapers have none: labels name models and targets, ' +
      'never tenants, users, sessions or prompts. Keep the path off the public ingress, or give it a port of its own with ' +
      '`telemetry.metricsPort`.',
  })
  @ApiProduces('text/plain')
  @ApiOkResponse({
    description: 'All metrics.',
    content: { 'text/plain': { schema: { type: 'string' }, example: EXAMPLE } },
  })
  @ApiErrors(RateLimitExceeded) // of one address, as every page that is open
  read(): Promise<string> {
    return this.scrape.text();
  }
}
