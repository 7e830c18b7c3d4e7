import type { Fields } from '../../common/json/fields.js';
import { CustomInput } from './custom-input.js';
import { OpenItem, type EventWriter } from './open-item.js';
import { callItem, type ItemStatus, type KnownCall } from './output-items.js';

/** A call of a tool while it comes; the text of a custom tool is taken out of the JSON of the arguments. */
export class OpenCall extends OpenItem {
  private args = '';
  private readonly input: CustomInput | null;

  constructor(
    events: EventWriter,
    index: number,
    private readonly call: KnownCall,
  ) {
    super(events, index, call.id);
    this.input = call.isCustom ? new CustomInput() : null;
  }

  /** @param piece of the arguments */
  add(piece: string): string {
    return this.delta(this.input === null ? piece : this.input.add(piece));
  }

  override item(status: ItemStatus): Fields {
    return callItem(this.call, this.args, status);
  }

  protected override endInside(): string {
    const left = this.input === null ? '' : this.delta(this.input.end());
    const args = JSON.stringify(this.args);
    const done =
      this.input === null
        ? this.events.event(
            'response.function_call_arguments.done',
            `${this.place},"name":${JSON.stringify(this.call.name)},"arguments":${args}`,
          )
        : this.events.event('response.custom_tool_call_input.done', `${this.place},"input":${args}`);
    return left + done;
  }

  private delta(piece: string): string {
    if (piece === '') return '';
    this.args += piece;
    const type =
      this.input === null ? 'response.function_call_arguments.delta' : 'response.custom_tool_call_input.delta';
    return this.events.event(type, `${this.place},"delta":${JSON.stringify(piece)}`);
  }
}
