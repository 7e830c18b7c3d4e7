import { InvalidRequest } from '../../common/app-error.js';
import type { ChatMessage, ContentPart, SentToolCall } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { openOrigin, type ReasoningDetail } from '../../common/reasoning.js';
import { shownBelow, shownOf } from '../../common/result-notes.js';
import { argumentsOfInput } from './custom-input.js';
import { outputText, userContent } from './input-parts.js';
import { SentItem } from './sent-item.js';
import type { ToolNames } from './tool-names.js';

export interface PlacedMessages {
  readonly messages: ChatMessage[];
  /** Where each stands in the request, or its first part: `input[2]`. */
  readonly places: string[];
}

interface OpenAssistant {
  readonly place: string;
  texts: string[];
  calls: SentToolCall[];
  details: ReasoningDetail[];
}

/** Roles of messages that are not the model's; `developer` is what OpenAI calls `system` since its reasoning models. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ['user', 'user'],
  ['system', 'system'],
  ['developer', 'system'],
]);

/**
 * The input of a response as messages of chat completions. What a model said in one go (reasoning, text, calls) is one
 * message of the assistant; images that a tool gave stand in a message of the user behind the results, because the
 * results themselves take text alone.
 *
 * @param input a text, or items whose types `onlyOpenAi` has let pass and whose references are resolved
 * @param names of the tools of the request
 * @throws InvalidRequest that names the field
 */
export function messagesOfInput(input: unknown, names: ToolNames): PlacedMessages {
  if (typeof input === 'string') return { messages: [{ role: 'user', content: input }], places: ['input'] };
  const messages = new InputMessages(names);
  for (const item of new SentItem({ input }, '').items('input')) messages.add(item);
  return messages.end();
}

class InputMessages {
  private readonly messages: ChatMessage[] = [];
  private readonly places: string[] = [];
  private assistant: OpenAssistant | null = null;
  /** Of the results just before. */
  private images: ContentPart[] = [];
  /** Of the first of them. */
  private imagesPlace = '';

  constructor(private readonly names: ToolNames) {}

  add(item: SentItem): void {
    const type = item.textOr('type', 'message');
    switch (type) {
      case 'message':
        return this.addMessage(item);
      case 'reasoning':
        return this.addReasoning(item);
      case 'function_call':
        return this.addCall(item, item.text('arguments'));
      case 'custom_tool_call':
        return this.addCall(item, argumentsOfInput(item.text('input')));
      case 'function_call_output':
      case 'custom_tool_call_output':
        return this.addResult(item);
      default:
        throw item.wrong('type', 'no item of this type is known');
    }
  }

  end(): PlacedMessages {
    this.closeAssistant();
    this.closeResults();
    return { messages: this.messages, places: this.places };
  }

  private push(message: ChatMessage, place: string): void {
    this.messages.push(message);
    this.places.push(place);
  }

  private addMessage(item: SentItem): void {
    const role = item.text('role');
    if (role === 'assistant') {
      this.openAssistant(item).texts.push(outputText(item));
      return;
    }
    const chatRole = ROLES.get(role);
    if (!chatRole) throw item.wrong('role', 'expected `user`, `assistant`, `system` or `developer`');
    this.closeAssistant();
    this.closeResults();
    this.push({ role: chatRole, content: userContent(item, 'content') }, item.path);
  }

  /** Only what a model made here and sealed can go back to it. */
  private addReasoning(item: SentItem): void {
    const sealed = item.textOr('encrypted_content', null);
    const origin = sealed === null ? null : openOrigin(sealed);
    const assistant = this.openAssistant(item);
    if (!origin || !Array.isArray(origin.payload)) return;
    for (const detail of (origin.payload as unknown[]).filter(isFields)) {
      assistant.details.push({ ...(detail as unknown as ReasoningDetail), model: origin.model });
    }
  }

  private addCall(item: SentItem, args: string): void {
    const name = this.names.chatName(item.textOr('namespace', null), item.text('name'));
    const call = { name, arguments: args };
    this.openAssistant(item).calls.push({ id: item.text('call_id'), type: 'function', function: call });
  }

  private addResult(item: SentItem): void {
    this.closeAssistant();
    const id = item.text('call_id');
    const content = userContent(item, 'output');
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const texts = parts.flatMap(({ type, text }) => (type === 'text' ? [text as string] : []));
    const others = parts.filter(({ type }) => type !== 'text');
    if (others.length > 0) {
      if (this.images.length === 0) this.imagesPlace = item.at('output');
      texts.push(shownBelow(others.length));
      this.images.push({ type: 'text', text: shownOf(id) }, ...others);
    }
    this.push({ role: 'tool', tool_call_id: id, content: contentOf(texts) }, item.path);
  }

  private openAssistant({ path }: SentItem): OpenAssistant {
    this.closeResults();
    return (this.assistant ??= { place: path, texts: [], calls: [], details: [] });
  }

  private closeAssistant(): void {
    const { assistant } = this;
    this.assistant = null;
    if (!assistant) return;
    const { texts, calls, details } = assistant;
    if (texts.length === 0 && calls.length === 0) return; // reasoning that led to nothing
    const message: Fields & { role: string } = {
      role: 'assistant',
      content: texts.length > 0 ? contentOf(texts) : null,
    };
    if (calls.length > 0) message['tool_calls'] = calls;
    if (details.length > 0) message['reasoning_details'] = details;
    this.push(message, assistant.place);
  }

  private closeResults(): void {
    if (this.images.length === 0) return;
    this.push({ role: 'user', content: this.images }, this.imagesPlace);
    this.images = [];
  }
}

/** Several texts stay apart: private text is looked for over the borders of parts, and not over line breaks. */
function contentOf(texts: readonly string[]): string | ContentPart[] {
  return texts.length > 1 ? texts.map((text) => ({ type: 'text', text })) : (texts[0] ?? '');
}

/** @throws InvalidRequest the list is empty */
export function notEmpty(messages: readonly ChatMessage[]): void {
  if (messages.length === 0) throw new InvalidRequest('input: expected at least one item that says something', 'input');
}
