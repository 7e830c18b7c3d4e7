import { Query } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';

/** The request headers a credential may come in; nothing else of a request says who is calling. */
export interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly 'x-api-key'?: string | string[] | undefined;
  readonly 'api-key'?: string | string[] | undefined;
}

/**
 * Who is calling. With no key and no JWT configured it is the loopback user.
 *
 * @throws InvalidApiKey with the same message for every cause
 */
export class IdentifyCallerQuery extends Query<Caller> {
  constructor(readonly headers: CredentialHeaders) {
    super();
  }
}
