import { Injectable } from '@nestjs/common';
import { BoundedMap } from '../../../common/bounded-map.js';
import { ReplicaNotes } from './replica-notes.js';

/** Conversations without a session that are remembered; an agent's next request comes within seconds. */
const MOST = 10_000;
const NOTE = 'called';

/**
 * Which target called a tool in a conversation that has no session, so that the result goes back there whatever the
 * strategy would say by then: another threshold, another latency, another target that answered instead. Other replicas
 * know it through Redis; without Redis they have the draw of strategy `weighted`, which the conversation itself makes.
 */
@Injectable()
export class OpenToolCalls {
  private readonly targets = new BoundedMap<string, string>(MOST);
  /** Conversations of requests that run, by request id. */
  private readonly running = new BoundedMap<string, string>(MOST);

  constructor(private readonly notes: ReplicaNotes) {}

  async targetOf(conversation: string): Promise<string | null> {
    return this.targets.get(conversation) ?? this.notes.find(NOTE, conversation);
  }

  begun(requestId: string, conversation: string): void {
    this.running.set(requestId, conversation);
  }

  /** @param target that called a tool; `null` when none did */
  ended(requestId: string, target: string | null): void {
    const conversation = this.running.get(requestId);
    if (conversation === undefined) return;
    this.running.delete(requestId);
    if (target === null || this.targets.get(conversation) === target) return;
    this.targets.set(conversation, target);
    this.notes.put(NOTE, conversation, target);
  }
}
