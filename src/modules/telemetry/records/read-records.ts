import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Overloaded } from '../../../common/app-error.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { RecordChatCompletedHandler } from '../record-chat-completed.handler.js';
import { ownerDigest, type Owner } from './record-owner.js';
import { GATHERED_MS } from './record-writer.js';
import { Records } from './records.js';
import { shownRecord, type ShownRecord } from './request-record.js';
import type { KeptRecord } from './request-records.js';

/** Stands for the caller's latest request. */
export const LATEST = 'latest';
/** When a record that was not there is looked for again: another replica may just be writing it, milliseconds. */
const LOOK_AGAIN_MS = [GATHERED_MS, 4 * GATHERED_MS];
/** Some 150 kB, read in a millisecond. */
const PAGE = 100;
const RETRY_AFTER_SECONDS = 5;

/** Which records are listed; `null` = whichever. */
export interface RecordFilter {
  readonly requestId: string | null;
  readonly tenant: string | null;
  /** That answered, or was asked in vain. */
  readonly target: string | null;
  readonly outcome: string | null;
}

/** In a list, with its place: what a list goes on behind. */
export type ListedRecord = { readonly id: string } & ShownRecord;

/** A record that is in the store, or still here. */
export interface FoundRecord {
  /** `null` while it is not in the store. */
  readonly place: string | null;
  readonly record: ShownRecord;
}

/** Records as they stand in the store, with everything that ended on this replica before the question. */
@Injectable()
export class ReadRecords {
  constructor(
    private readonly requests: RecordChatCompletedHandler,
    private readonly records: Records,
  ) {}

  /**
   * The record of a user's own request; `null` for one of others as for one that never was.
   *
   * @param id `latest` = whatever its id
   * @throws Overloaded while the store is away
   */
  async find(owner: Owner, id: string): Promise<FoundRecord | null> {
    this.requests.catchUp();
    const [digest, wanted] = [ownerDigest(owner), id === LATEST ? null : id];
    const own = this.records.writer.find(digest, wanted);
    if (own) return foundOf({ place: null, text: own.text, feedback: null });
    return this.available(async () => {
      const { store } = this.records;
      if (wanted === null && this.records.areShared) await delay(2 * GATHERED_MS); // one that another replica has just answered is later
      let kept = await store.find(digest, wanted);
      for (const ms of LOOK_AGAIN_MS) {
        if (kept) break;
        await delay(ms);
        kept = await store.find(digest, wanted);
      }
      return kept && foundOf(kept);
    });
  }

  /**
   * Keeps what a user says of one of his requests; `false` when it is not kept any more.
   *
   * @throws Overloaded while the store is away
   */
  async judge(owner: Owner, { place, record }: FoundRecord, feedback: string): Promise<boolean> {
    return this.available(async () => {
      if (place !== null) return this.records.store.judge(place, feedback);
      await this.records.writer.flush();
      const kept = await this.records.store.find(ownerDigest(owner), record.request_id);
      return kept !== null && this.records.store.judge(kept.place, feedback);
    });
  }

  /**
   * Newest first; all that is kept, if nobody stops it.
   *
   * @param after `id` of a listed record; those before it are left out
   * @throws Overloaded at once while the store is away, StoreUnavailable when it goes later
   */
  async list(filter: RecordFilter, after: string | null): Promise<AsyncGenerator<ListedRecord>> {
    this.requests.catchUp();
    const first = await this.available(async () => {
      await this.records.writer.flush();
      return this.records.store.page(after, PAGE);
    });
    return this.pages(filter, first);
  }

  private async *pages(filter: RecordFilter, first: readonly KeptRecord[]): AsyncGenerator<ListedRecord> {
    for (let page = first; page.length > 0; page = await this.records.store.page(page.at(-1)!.place, PAGE)) {
      for (const kept of page) {
        const record = shownRecord(kept);
        if (record && fits(record, filter)) yield { id: kept.place, ...record };
      }
    }
  }

  private async available<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      throw new Overloaded('Records cannot be read now: their store does not answer.', RETRY_AFTER_SECONDS);
    }
  }
}

function foundOf(kept: Omit<KeptRecord, 'place'> & { place: string | null }): FoundRecord | null {
  const record = shownRecord(kept);
  return record && { place: kept.place, record };
}

const fits = (record: ShownRecord, { requestId, tenant, target, outcome }: RecordFilter): boolean =>
  (requestId === null || requestId === record.request_id) &&
  (tenant === null || tenant === record.tenant) &&
  (target === null || hasTo(record, target)) &&
  (outcome === null || outcome === record.outcome);

/** Whether the target answered, or was asked in vain. */
const hasTo = ({ target, attempts }: ShownRecord, wanted: string): boolean =>
  target === wanted || attempts.some((attempt) => attempt.target === wanted);
