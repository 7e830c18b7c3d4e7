import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { NotFound } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { Fields } from '../../common/json/fields.js';
import { FindResponseQuery, type Turn } from '../session/session.messages.js';
import { referencesIn, withItems } from './item-references.js';
import { codeOf, type ResponseName } from './response-id.js';
import { outputOfTurn } from './whole-response.js';

/** Puts items of stored answers into an input that names them (`item_reference`), as the AI SDK does by default. */
@Injectable()
export class StoredItems {
  constructor(private readonly queries: QueryBus) {}

  /** @throws InvalidRequest that names a reference to what is not there; Overloaded while no store can be asked */
  async resolved(input: unknown, caller: Caller): Promise<unknown> {
    const references = referencesIn(input);
    if (references.length === 0) return input;
    const responses = new Map(references.map(({ response }) => [codeOf(response), response]));
    const items = await Promise.all([...responses.values()].map((name) => this.itemsOf(name, caller)));
    return withItems(input, references, new Map(items.flat().map((item) => [item['id'], item])));
  }

  private async itemsOf(name: ResponseName, caller: Caller): Promise<Fields[]> {
    try {
      const turn: Turn = await this.queries.execute(new FindResponseQuery(caller, name.sessionId, name.ulid));
      return outputOfTurn(name, turn);
    } catch (error) {
      if (error instanceof NotFound) return [];
      throw error;
    }
  }
}
