import { Injectable } from '@nestjs/common';

/** Conversations without a session that are remembered; an agent's next request comes within seconds. */
const MOST = 10_000;

/**
 * Which target called a tool in a conversation that has no session, so that the result goes back there whatever the
 * strategy would say by then: another threshold, another latency, another target that answered instead. Of this replica;
 * on others the draw of strategy `weighted` is the same, as it is made of the conversation itself.
 */
@Injectable()
export class OpenToolCalls {
  private readonly targets = new Map<string, string>();
  /** Conversations of requests that run, by request id. */
  private readonly running = new Map<string, string>();

  targetOf(conversation: string): string | null {
    return this.targets.get(conversation) ?? null;
  }

  begun(requestId: string, conversation: string): void {
    bounded(this.running, requestId, conversation);
  }

  /** @param target that called a tool; `null` when none did */
  ended(requestId: string, target: string | null): void {
    const conversation = this.running.get(requestId);
    if (conversation === undefined) return;
    this.running.delete(requestId);
    if (target !== null) bounded(this.targets, conversation, target);
  }
}

/** Sets an entry as the latest; the oldest goes when there are too many. */
function bounded(map: Map<string, string>, key: string, value: string): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST) map.delete(map.keys().next().value!);
}
