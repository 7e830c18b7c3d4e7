import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { Public } from '../../common/http/access.decorators.js';
import { RouterMetrics } from './metrics.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';

const EXAMPLE = [
  '# HELP router_requests_total Chat requests that ended.',
  '# TYPE router_requests_total counter',
  'router_requests_total{model="auto",status="200"} 42',
].join('\n');

@ApiTags('Operations')
@Controller()
export class MetricsController {
  constructor(
    private readonly requests: RecordChatCompletedHandler,
    private readonly metrics: RouterMetrics,
  ) {}

  @Get('metrics')
  @Public()
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Metrics of this replica',
    description:
      'Prometheus text format 0.0.4. Needs no credential, as scrapers have none: labels name models and targets, ' +
      'never tenants, users, sessions or prompts. Keep the path off the public ingress.',
  })
  @ApiProduces('text/plain')
  @ApiOkResponse({
    description: 'All metrics.',
    content: { 'text/plain': { schema: { type: 'string' }, example: EXAMPLE } },
  })
  read(): Promise<string> {
    this.requests.catchUp();
    return this.metrics.text();
  }
}
