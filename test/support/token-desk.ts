import type { AccessToken, TokenCredential } from '@azure/identity';

let identities = 0;

/** In place of Entra: hands out the tokens a test wants for one identity, or none. */
export class TokenDesk implements TokenCredential {
  readonly oid = `identity-${process.pid}-${(identities += 1)}`;
  /** When it was asked, `performance.now()`. */
  readonly asked: number[] = [];
  /** `Date.now()` at which the token that was handed out last ends. */
  endsAt = 0;
  private lifeMs = 0;
  private issued = 0;
  private token = '';
  private failure: 'none' | 'refuses' | 'hangs' = 'none';

  /** The token of the next `issue`, so that a server can know it before. */
  get next(): string {
    return `x.${Buffer.from(JSON.stringify({ oid: this.oid })).toString('base64url')}.${this.issued}`;
  }

  /** From now on a new token, which lives so long from the moment it is handed out. @returns the token */
  issue(lifeMs: number): string {
    this.token = this.next;
    this.issued += 1;
    this.lifeMs = lifeMs;
    this.failure = 'none';
    return this.token;
  }

  fail(how: 'refuses' | 'hangs'): void {
    this.failure = how;
  }

  async getToken(): Promise<AccessToken> {
    this.asked.push(performance.now());
    if (this.failure === 'refuses') throw new Error('the token service is down');
    if (this.failure === 'hangs') return new Promise(() => undefined);
    this.endsAt = Date.now() + this.lifeMs;
    return { token: this.token, expiresOnTimestamp: this.endsAt };
  }

  /** Milliseconds between consecutive questions, from the given one on. */
  gapsFrom(first: number): number[] {
    return this.asked.slice(first).flatMap((at, i, all) => (i > 0 ? [at - all[i - 1]!] : []));
  }
}
