/** A store cannot be used now. Requests go on without the store; only a caller that needs it gets a 503. */
export class StoreUnavailable extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'StoreUnavailable';
  }
}

/** The store is there and does not take this very call, however often it is repeated: malformed, too large. */
export class StoreRefusal extends StoreUnavailable {}

/** What `work` gives, or `otherwise` while its store cannot be used. Rejects with every other error. */
export async function ifAvailable<T, const O>(work: () => Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreUnavailable) return otherwise;
    throw error;
  }
}
