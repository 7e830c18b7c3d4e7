import { isIPv4 } from 'node:net';
import { Injectable } from '@nestjs/common';
import { LOOPBACK_CALLER, type Caller } from '../../common/caller.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { InvalidApiKey } from '../../common/app-error.js';
import { ApiKeys } from './api-keys.js';
import { credentialOf } from './credential.js';
import type { CredentialHeaders } from './identity.messages.js';

/** One answer for every cause, so that a guesser learns nothing (S09). */
export const invalidApiKey = (): InvalidApiKey =>
  new InvalidApiKey('Missing or invalid API key. Send it as "Authorization: Bearer <key>", x-api-key or api-key.');

const needsCredential = ({ keys, jwt }: RouterConfig['auth']): boolean => keys.length > 0 || jwt.issuer !== '';

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Who the callers are under the configuration in force. */
@Injectable()
export class Callers {
  /** Of the start: a reload does not move the socket, so a new `server.host` must not open the door. */
  private readonly onLoopback: boolean;
  private source: RouterConfig;
  private keys: ApiKeys;

  constructor(private readonly config: LiveConfig) {
    this.source = config.current;
    this.keys = new ApiKeys(this.source);
    this.onLoopback = isLoopback(config.current.server.host);
  }

  /**
   * `null` when the headers hold no valid credential. Without configured keys or JWT everybody is the loopback user,
   * whatever the headers say: OpenAI's SDKs always send a key. If a reload takes the last key away from a service that
   * listens off loopback, nobody is let in.
   */
  identify(headers: CredentialHeaders): Caller | null {
    const config = this.config.current;
    if (!needsCredential(config.auth)) return this.onLoopback ? LOOPBACK_CALLER : null;
    const credential = credentialOf(headers);
    return credential === null ? null : this.keysOf(config).find(credential);
  }

  private keysOf(config: RouterConfig): ApiKeys {
    if (this.source !== config) {
      this.keys = new ApiKeys(config);
      this.source = config;
    }
    return this.keys;
  }
}
