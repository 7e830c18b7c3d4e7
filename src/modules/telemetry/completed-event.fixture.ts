import { LOOPBACK_CALLER } from '../../common/caller.js';
import { ChatCompletedEvent } from '../chat/chat.messages.js';

type Fields = { -readonly [Field in keyof ChatCompletedEvent]: ChatCompletedEvent[Field] };

/** A streamed request that was answered well, for specs; `changes` replace fields. */
export function completed(changes: Partial<Fields> = {}): ChatCompletedEvent {
  const event = new ChatCompletedEvent(
    'answered',
    'r1',
    { ...LOOPBACK_CALLER, tenant: 'acme', user: 'alice' },
    'auto',
    200,
    null,
    {
      target: 'cloud',
      tier: 'cloud',
      model: 'gpt-x-2026',
      simulated: false,
      strategy: 'hybrid',
      reasonCode: 'rule_complex',
      fallback: false,
    },
    { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
    0.5,
    { tokens: 30, usd: 0.5 },
    [{ target: 'cloud', startedAt: 0, outcome: 'ok', status: 200, ms: 250 }],
    { totalMs: 1500, overheadMs: 0.4, firstTokenMs: 250 },
    null,
    { result: 'MISS', key: null, completion: null },
    true,
    null,
    null,
  );
  return Object.assign(event, changes);
}
