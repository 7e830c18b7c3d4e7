import { Injectable } from '@nestjs/common';
import { EventBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import { ActiveSessions } from './active-sessions.js';
import type { Erasure } from './adapters/redis.erasure-feed.js';
import { IndexWriter } from './index-writer.js';
import { Outboxes } from './outboxes.js';
import { SessionErasedEvent } from './session.messages.js';
import { SessionStores } from './session-stores.js';

const EVERY_MS = 1_000;

/** Removes from the memory of this process what belongs to sessions that other replicas have erased, within a second. */
@Injectable()
export class ErasureWatch {
  private readonly background = new BackgroundWork('session');
  private running: Promise<void> | null = null;

  constructor(
    private readonly stores: SessionStores,
    private readonly outboxes: Outboxes,
    private readonly indexWriter: IndexWriter,
    private readonly active: ActiveSessions,
    private readonly events: EventBus,
  ) {}

  start(): void {
    if (this.stores.erasures) this.background.repeat('reading erasures', EVERY_MS, () => this.look());
  }

  async stop(): Promise<void> {
    await this.background.stop();
  }

  /** Looks never overlap. */
  look(): Promise<void> {
    this.running ??= this.readNews().finally(() => (this.running = null));
    return this.running;
  }

  private async readNews(): Promise<void> {
    for (const erasure of (await this.stores.erasures?.news()) ?? []) this.forget(erasure);
  }

  /** What was written after the erasure is a new conversation and stays. */
  private forget({ key, at }: Erasure): void {
    this.active.forget(key);
    this.indexWriter.forget(key, at);
    this.outboxes.memory.forget(key, at);
    this.events.publish(new SessionErasedEvent(key.tenant, key.sessionId));
  }
}
