import { hash } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { IdempotencyConflict, InvalidRequest } from '../../common/app-error.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { IDEMPOTENCY_HEADER, type AnswerOnce } from '../../common/http/idempotent.decorator.js';
import { sourceOf } from '../../common/json/source.js';
import type { SessionKey } from '../../common/session-id.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { CountRequestCommand } from '../quota/quota.messages.js';
import { IdempotentRun } from './idempotent-run.js';
import { IdempotencyStore, type KeyName, type StoredAnswer } from './idempotency-store.js';

/** Visible ASCII, as the draft of the header has it (draft-ietf-httpapi-idempotency-key-header). */
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * `Idempotency-Key` on requests that call a model: the same key with the same request gives the same answer without a
 * second call, also while the first one runs; with another request it is 409. Only successful answers are kept: after a
 * failure the key is free again.
 */
@Injectable()
export class IdempotentAnswers implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly store: IdempotencyStore,
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    fastify.decorate('answerOnce', this.answer).decorateReply('answerKeeper', null);
  }

  /** @throws InvalidRequest, IdempotencyConflict, DeadlineExceeded, and what `work` throws */
  readonly answer: AnswerOnce = async (request, reply, work) => {
    const key = keyOf(checkedKey(request.headers[IDEMPOTENCY_HEADER]), request);
    const signal = request.server.callerSignals.of(request, reply);
    const keyed = { key, fingerprint: fingerprintOf(request), session: sessionOf(request), signal };
    const run = new IdempotentRun(this.store, keyed);
    const deadlineAt = performance.now() - reply.elapsedTime + this.patienceMs(request);
    // While the store is away the request is answered as if it had no key.
    const claim = await ifAvailable(() => run.begin(deadlineAt), 'alone');
    if (claim === 'alone') return work();
    if (claim !== 'claimed') {
      // no model is called, so nothing else counts it
      const limits = request.caller ? await this.commands.execute(new CountRequestCommand(request.caller)) : {};
      if (claim === 'other') throw conflict();
      return replay({ ...claim, headers: { ...claim.headers, ...limits } }, reply);
    }
    reply.answerKeeper = run;
    try {
      return await work();
    } catch (error) {
      await run.release();
      throw error;
    }
  };

  /** How long a duplicate may wait for the first one's answer: as long as an answer may take (DESIGN section 3). */
  private patienceMs({ body }: FastifyRequest): number {
    const { resilience, targets } = this.config.current;
    if ((body as { stream?: unknown } | null)?.stream === true) return resilience.deadlineMs;
    return Math.max(resilience.deadlineMs, ...targets.map(({ timeouts }) => timeouts.plainMs));
  }
}

/** @throws InvalidRequest */
function checkedKey(key: string | string[] | undefined): string {
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new InvalidRequest(
    'Idempotency-Key: use 1 to 255 visible ASCII characters, and one header',
    IDEMPOTENCY_HEADER,
  );
}

const conflict = () =>
  new IdempotencyConflict(
    'Idempotency-Key: this key was used for another request. Take a new one.',
    IDEMPOTENCY_HEADER,
  );

/** Keys belong to the user that sends them. */
function keyOf(key: string, { caller }: FastifyRequest): KeyName {
  const user = JSON.stringify([caller?.tenant, caller?.user]);
  return { user: hash('sha256', user), name: hash('sha256', user + key) };
}

/** The session named by the body (`/query`) or the header. */
function sessionOf({ headers, body, caller }: FastifyRequest): SessionKey | null {
  const sessionId = (body as { session_id?: unknown } | null)?.session_id ?? headers['x-session-id'];
  return caller && typeof sessionId === 'string' ? { tenant: caller.tenant, sessionId } : null;
}

/** Of everything that shapes the answer. */
function fingerprintOf({ url, headers, body }: FastifyRequest): string {
  const exact = sourceOf(body)?.lostInData ?? undefined;
  const shaping = [url, headers['x-session-id'], headers['x-router-strategy'], body, exact];
  return hash('sha256', JSON.stringify(shaping));
}

function replay({ status, headers, body }: StoredAnswer, reply: FastifyReply): void {
  // the first one told what it cost and paid; streams tell nothing of it in their headers
  const cost = headers['content-type']?.startsWith('application/json') ? { 'x-router-cost-usd': '0' } : {};
  reply
    .code(status)
    .headers({ ...headers, ...cost, 'idempotent-replayed': 'true' })
    .send(body);
}
