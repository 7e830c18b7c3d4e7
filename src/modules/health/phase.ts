import { Injectable } from '@nestjs/common';
import type { Phase } from './health.messages.js';

/** Where this replica is in its life. Draining is final: a replica that said goodbye does not come back. */
@Injectable()
export class ReplicaPhase {
  private phase: Phase = 'serving';

  get current(): Phase {
    return this.phase;
  }

  beginDrain(): void {
    this.phase = 'draining';
  }
}
