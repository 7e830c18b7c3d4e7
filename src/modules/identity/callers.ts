import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LOOPBACK_CALLER, type Caller } from '../../common/caller.js';
import { needsCredential } from '../../common/config/access-rules.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { InvalidApiKey } from '../../common/app-error.js';
import { isLoopbackHost } from '../../common/loopback.js';
import { ApiKeys } from './api-keys.js';
import { credentialOf, type CredentialHeaders } from './credential.js';
import { JwtSignIn } from './jwt-sign-in.js';

/** One answer for every cause, so that a guesser learns nothing (F19). */
export const invalidApiKey = (): InvalidApiKey =>
  new InvalidApiKey('Missing or invalid API key. Send it as "Authorization: Bearer <key>", x-api-key or api-key.');

/** As text: a buffer of its own would take five times as long. */
const digestOf = (credential: string): string => hash('sha256', credential, 'hex');

/** Who the callers are under the configuration in force. */
@Injectable()
export class Callers {
  /**
   * Whether whoever can reach the socket is let in: on loopback, while no credential was ever configured. A reload does
   * not move the socket, so a new `server.host` does not open the door, and neither does one without keys.
   */
  private trusting: boolean;
  private readonly keys: () => ApiKeys;

  constructor(
    config: LiveConfig,
    private readonly tokens: JwtSignIn,
  ) {
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
   * Whose key, or whose token of the last minute, the headers hold; `null` when that is not known without looking
   * further. On a service that is open everybody is the loopback user, whatever the headers say: OpenAI's SDKs always send
   * a key.
   */
  identify(headers: CredentialHeaders): Caller | null {
    if (this.trusting) return LOOPBACK_CALLER;
    const credential = credentialOf(headers);
    if (credential === null) return null;
    const digest = digestOf(credential);
    return this.keys().find(digest) ?? this.tokens.remembered(digest);
  }

  /** Whose token the headers hold. @throws what `JwtSignIn` throws */
  async identifyToken(headers: CredentialHeaders, address: string): Promise<Caller | null> {
    const credential = credentialOf(headers);
    return credential === null ? null : this.tokens.identify(credential, digestOf(credential), address);
  }

  private lockIfGuarded(config: RouterConfig): void {
    if (needsCredential(config)) this.trusting = false;
  }
}
