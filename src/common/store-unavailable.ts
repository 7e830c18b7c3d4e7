/** A store cannot be used now. Requests go on without the store; only a caller that needs it gets a 503. */
export class StoreUnavailable extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'StoreUnavailable';
  }
}

/** The store is there and does not take this very call, however often it is repeated: malformed, too large. */
export class StoreRefusal extends StoreUnavailable {}
