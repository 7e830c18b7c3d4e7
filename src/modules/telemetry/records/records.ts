import { Injectable, type OnModuleInit } from '@nestjs/common';
import { BackgroundWork } from '../../../common/background-work.js';
import { LiveConfig } from '../../../common/config/live-config.js';
import { RedisConnection } from '../../../common/redis/redis-connection.js';
import { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import type { CompletedChat } from '../../chat/chat.messages.js';
import { RedisRequestRecords } from '../adapters/redis.request-records.js';
import { SqliteRequestRecords } from '../adapters/sqlite.request-records.js';
import { ownerDigest } from './record-owner.js';
import { RecordWriter } from './record-writer.js';
import { RefusalAllowance } from './refusal-allowance.js';
import { recordText, unansweredText, type UnansweredRequest } from './request-record.js';
import type { RequestRecords } from './request-records.js';

/** From the start: what an earlier one kept beyond `keepRequests` goes, whether somebody writes or not. */
const TRIMMED_AFTER_MS = 2_000;

const TOO_MANY_REQUESTS = 429;

/** Where records of requests are kept: Redis where it is configured, else the embedded database; and who writes to it. */
@Injectable()
export class Records implements OnModuleInit {
  readonly store: RequestRecords;
  readonly writer: RecordWriter;
  /** Whether other replicas write to the store. */
  readonly areShared: boolean;
  private readonly background = new BackgroundWork('records');
  private readonly refusals = new RefusalAllowance();

  constructor(
    private readonly config: LiveConfig,
    redis: RedisConnection,
    private readonly file: SqliteFile,
  ) {
    this.areShared = redis.configured;
    this.store = redis.configured ? new RedisRequestRecords(redis) : new SqliteRequestRecords(file);
    this.writer = new RecordWriter(this.store, () => config.current.telemetry.keepRequests);
  }

  onModuleInit(): void {
    this.writer.start();
    if (!this.areShared && !this.file.exists) return; // looking for old records creates no file
    this.background.after('trimming request records', TRIMMED_AFTER_MS, () => this.writer.trim());
  }

  /** See `recordText`; what the service renews in the background is nobody's request. Of refusals only some are kept. */
  record(chat: CompletedChat, endedAt: number, requested: string, answered: string | null): void {
    if (this.config.current.telemetry.keepRequests === 0 || chat.cache.isRenewal) return;
    const owner = ownerDigest(chat.caller);
    if (!this.isKept(owner, chat.status)) return;
    this.writer.record({ owner, requestId: chat.requestId, text: recordText(chat, endedAt, requested, answered) });
  }

  recordUnanswered(request: UnansweredRequest): void {
    const { requestId, caller, status } = request;
    const owner = ownerDigest(caller);
    if (!this.isKept(owner, status)) return;
    this.writer.record({ owner, requestId, text: unansweredText(request, Date.now()) });
  }

  async stop(): Promise<void> {
    this.background.cancel();
    await this.writer.stop();
  }

  private isKept(owner: string, status: number): boolean {
    return status !== TOO_MANY_REQUESTS || this.refusals.takes(owner, performance.now());
  }
}
