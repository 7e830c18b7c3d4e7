import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { InternalError, InvalidRequest, NotFound, PermissionDenied, type AppError } from '../../common/app-error.js';
import { BackgroundWork } from '../../common/background-work.js';
import { needsCredential } from '../../common/config/access-rules.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { FailureEpisode } from '../../common/logging/failure-episode.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import { isLoopbackHost } from '../../common/loopback.js';
import { MetricsScrape } from './metrics-scrape.js';

/** A scrape is a few hundred bytes. */
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
const LAST_SCRAPE_MS = 1_000;
/** Prometheus keeps one connection; who opens more than this is none. */
const MOST_CONNECTIONS = 64;

/**
 * `/metrics` on `telemetry.metricsPort` of `server.host`, and nothing else there. It answers until the service has
 * drained, so that the last scrape has what the last requests did.
 */
@Injectable()
export class MetricsPort implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('metrics');
  private readonly scrapes = new FailureEpisode();
  private readonly lines = new LineLimit('metrics');
  private readonly background = new BackgroundWork('metrics');
  private server: Server | null = null;

  constructor(
    private readonly config: LiveConfig,
    private readonly scrape: MetricsScrape,
  ) {}

  /** @throws the error of `listen`, such as EADDRINUSE */
  async onApplicationBootstrap(): Promise<void> {
    const { server, telemetry } = this.config.current;
    const listener = createServer({ headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS }, (request, response) =>
      this.background.launch('answering a scrape', () => this.answer(request, response)),
    );
    listener.maxConnections = MOST_CONNECTIONS;
    await new Promise<void>((settle, reject) => {
      listener.once('error', reject).listen(telemetry.metricsPort, server.host, settle);
    });
    listener.on('error', (err) => {
      if (this.lines.allows('troubles of the metrics port')) this.logger.warn({ err }, 'the metrics port has trouble');
    });
    this.server = listener;
    this.logger.log(`/metrics is on port ${telemetry.metricsPort}, and there alone`);
  }

  async onApplicationShutdown(): Promise<void> {
    const { server } = this;
    if (!server) return;
    const late = setTimeout(() => server.closeAllConnections(), LAST_SCRAPE_MS);
    await new Promise((settle) => server.close(settle));
    clearTimeout(late);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const problem = this.problemOf(request);
    if (problem) return refuse(response, problem);
    try {
      const { contentType, text } = await this.scrape.read(request.headers.accept);
      const over = this.scrapes.worked();
      if (over) this.logger.log(`the metrics can be read again, ${over}`);
      const headers = { 'content-type': contentType, 'cache-control': 'no-store', vary: 'accept' };
      response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(text), ...NOT_FOR_PAGES });
      response.end(request.method === 'HEAD' ? undefined : text);
    } catch (err) {
      if (this.scrapes.failed()) this.logger.error({ err }, 'the metrics could not be read');
      refuse(response, new InternalError('The metrics could not be read; the log has the details.'));
    }
  }

  private problemOf({ method, url = '', headers }: IncomingMessage): AppError | null {
    if (url.split('?')[0] !== '/metrics') return new NotFound('Only GET /metrics is here.');
    if (method !== 'GET' && method !== 'HEAD') return new InvalidRequest('Only GET /metrics is here.');
    // without keys the service is for its own machine: a page that was given its address under another name is not of it
    if (needsCredential(this.config.current) || isOwnMachine(headers.host)) return null;
    return new PermissionDenied('Without auth.keys this service is for its own machine: call it as localhost.');
  }
}

const NOT_FOR_PAGES = { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' };

const isOwnMachine = (host: string | undefined): boolean =>
  host === undefined || isLoopbackHost(URL.parse(`http://${host}`)?.hostname ?? '');

function refuse(response: ServerResponse, error: AppError): void {
  const text = JSON.stringify(error.toBody());
  response.writeHead(error.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...NOT_FOR_PAGES,
  });
  response.end(text);
}
