import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { QueryBus } from '@nestjs/cqrs';
import type { Server } from 'node:http';
import { RecentAnswer } from '../../../common/recent-answer.js';
import { VERSION } from '../../../common/version.js';
import { CountCachedAnswersQuery } from '../../cache/cache.messages.js';
import { CountRunningChatsQuery } from '../../chat/chat.messages.js';
import { CountRunningEmbeddingsQuery } from '../../embeddings/embeddings.messages.js';
import { CountRefusalsQuery } from '../../quota/quota.messages.js';
import { CheckSessionStoresQuery, CountSessionsQuery, type OutboxCount } from '../../session/session.messages.js';
import { Records } from '../records/records.js';
import { usdOf } from '../usage/usage-row.js';
import { Usage } from '../usage/usage.js';
import { MetricRegistry, type Reading } from './metric-registry.js';

const MS_PER_SECOND = 1000;
const STORES = ['redis', 'cosmos', 'tables'] as const;

const one = (value: number): readonly Reading[] => [{ value }];

/** What is read of this replica and its stores when it is scraped. */
@Injectable()
export class ReplicaGauges {
  /** Nobody signs in to scrape, so stores are asked once a second and not once a scrape. */
  private readonly sessions = new RecentAnswer(() => this.queries.execute(new CountSessionsQuery()));
  private readonly stores = new RecentAnswer(() => this.queries.execute(new CheckSessionStoresQuery()));

  constructor(
    private readonly metrics: MetricRegistry,
    private readonly queries: QueryBus,
    private readonly host: HttpAdapterHost,
    usage: Usage,
    records: Records,
  ) {
    this.requestCounts();
    this.sessionCounts();
    this.cacheCounts();
    this.usageCounts(usage);
    this.recordCounts(records);
    metrics.gauge('router_build_info', '1; what runs here.', ['version', 'node'], async () => [
      { labels: { version: VERSION, node: process.version }, value: 1 },
    ]);
  }

  private requestCounts(): void {
    const { metrics, queries } = this;
    metrics.gauge('router_requests_in_flight', 'Requests to routes that call models, under way here.', [], async () => {
      const chats = await queries.execute(new CountRunningChatsQuery());
      return one(chats + (await queries.execute(new CountRunningEmbeddingsQuery())));
    });
    metrics.gauge('router_connections', 'Open connections of callers.', [], async () => one(await this.connections()));
    metrics.total(
      'router_throttled_total',
      'Requests refused for a limit: of a user, model, tenant or address.',
      ['scope', 'limit'],
      async () =>
        (await queries.execute(new CountRefusalsQuery())).map(({ scope, limit, count }) => ({
          labels: { scope, limit },
          value: count,
        })),
    );
  }

  private sessionCounts(): void {
    const { metrics, sessions } = this;
    metrics.gauge('router_active_sessions', 'Sessions with a turn within sessions.ttlSeconds.', [], async () =>
      one((await sessions.get()).active),
    );
    const outboxes = [
      ['router_outbox_depth', 'Turns that wait for the turn store', 'waiting'],
      ['router_outbox_set_aside', 'Turns that no store takes and that an operator should look at', 'setAside'],
    ] as const;
    for (const [name, help, turns] of outboxes)
      metrics.gauge(name, `${help}; redis = of all replicas.`, ['store'], async () =>
        byStore((await sessions.get())[turns]),
      );
    metrics.gauge('router_store_up', '1 = a configured store answers, else 0.', ['store'], async () => {
      const checks = await this.stores.get();
      return STORES.flatMap((store) => {
        const check = checks[store];
        return check ? [{ labels: { store }, value: check.healthy ? 1 : 0 }] : [];
      });
    });
  }

  private cacheCounts(): void {
    const { metrics } = this;
    const read = () => this.queries.execute(new CountCachedAnswersQuery());
    metrics.gauge('router_cache_entries', 'Answers in the memory of this replica.', [], async () =>
      one((await read()).entries),
    );
    metrics.gauge('router_cache_bytes', 'Memory they take, bytes.', [], async () => one((await read()).bytes));
    metrics.total('router_cache_evictions_total', 'Answers that left the memory for newer ones.', [], async () =>
      one((await read()).evictions),
    );
    metrics.total(
      'router_cache_shared_generations_total',
      'Generations that answered more than one request.',
      [],
      async () => one((await read()).sharedGenerations),
    );
  }

  private usageCounts({ writer }: Usage): void {
    const { metrics } = this;
    const { unwritten } = writer;
    metrics.gauge('router_usage_unwritten_requests', 'Requests whose usage is not in its store yet.', [], async () =>
      one(unwritten.total.requests),
    );
    metrics.gauge('router_usage_unwritten_usd', 'Their known cost, USD.', [], async () =>
      one(usdOf(unwritten.total.costNanoUsd)),
    );
    metrics.gauge('router_usage_unwritten_age_seconds', 'Since the oldest of them ended; 0 = none.', [], async () =>
      one((Date.now() - (unwritten.oldestAt ?? Date.now())) / MS_PER_SECOND),
    );
    metrics.total(
      'router_usage_merged_requests_total',
      'Requests counted without user, model and target, as too much waited.',
      [],
      async () => one(unwritten.merged),
    );
    metrics.total('router_usage_dropped_requests_total', 'Requests whose usage is lost.', [], async () =>
      one(unwritten.dropped),
    );
    metrics.total(
      'router_usage_lost_batches_total',
      'Replicas found to have ended without writing their last usage.',
      [],
      async () => one(writer.lostBatches),
    );
  }

  private recordCounts({ writer }: Records): void {
    const { metrics } = this;
    metrics.gauge('router_records_unwritten', 'Records of requests that are not in their store yet.', [], async () =>
      one(writer.unwritten),
    );
    metrics.total('router_records_written_total', 'Records of requests that their store has taken.', [], async () =>
      one(writer.written),
    );
    metrics.total('router_records_dropped_total', 'Records of requests that are lost.', [], async () =>
      one(writer.dropped),
    );
  }

  private connections(): Promise<number> {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    return new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }
}

/** An outbox that cannot be asked has no depth. */
const byStore = ({ redis, memory }: OutboxCount): readonly Reading[] => [
  { labels: { store: 'memory' }, value: memory },
  ...(redis === null ? [] : [{ labels: { store: 'redis' }, value: redis }]),
];
