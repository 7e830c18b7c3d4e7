import { Injectable } from '@nestjs/common';
import { LOOPBACK_CALLER, type Caller } from '../../common/caller.js';
import { needsCredential } from '../../common/config/access-rules.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { InvalidApiKey } from '../../common/app-error.js';
import { isLoopbackHost } from '../../common/loopback.js';
import { ApiKeys } from './api-keys.js';
import { credentialOf, type CredentialHeaders } from './credential.js';

/** One answer for every cause, so that a guesser learns nothing (F19). */
export const invalidApiKey = (): InvalidApiKey =>
  new InvalidApiKey('Missing or invalid API key. Send it as "Authorization: Bearer <key>", x-api-key or api-key.');

/** Who the callers are under the configuration in force. */
@Injectable()
export class Callers {
  /**
   * Whether whoever can reach the socket is let in: on loopback, while no credential was ever configured. A reload does
   * not move the socket, so a new `server.host` does not open the door, and neither does one without keys.
   */
  private trusting: boolean;
  private readonly keys: () => ApiKeys;

  constructor(config: LiveConfig) {
    this.keys = config.derived((next) => new ApiKeys(next));
    this.trusting = isLoopbackHost(config.current.server.host);
    this.lockIfGuarded(config.current);
    config.onChange((next) => this.lockIfGuarded(next));
  }

  /** Whether everybody is let in: nothing but the place tells callers from others. */
  get open(): boolean {
    return this.trusting;
  }

  /**
   * `null` when the headers hold no valid credential. On a service that is open everybody is the loopback user, whatever
   * the headers say: OpenAI's SDKs always send a key.
   */
  identify(headers: CredentialHeaders): Caller | null {
    if (this.trusting) return LOOPBACK_CALLER;
    const credential = credentialOf(headers);
    return credential === null ? null : this.keys().find(credential);
  }

  private lockIfGuarded(config: RouterConfig): void {
    if (needsCredential(config)) this.trusting = false;
  }
}
