import type { ConnectionContext, HttpResponse, JsonObject } from 'tds/sdk';
import { readAnswer, type CallSubject } from './answers.ts';
import { Refusals } from './refusals.ts';
import type { ZohoSettings } from './settings.ts';
import { ZohoTokens } from './tokens.ts';

/** What tells Zoho's two APIs apart. */
export interface ApiKind {
  /** For messages. */
  product: 'Zoho Books' | 'Zoho Inventory';
  /** Below the API server. */
  root: '/books/v3' | '/inventory/v1';
  /** Beginning of its OAuth scopes. */
  scopePrefix: 'ZohoBooks' | 'ZohoInventory';
}

/** Query parameters; undefined ones are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** One reading call. */
export interface ZohoCall {
  /** Below the API's root, without a slash in front: `invoices/123`. */
  path: string;
  query?: Query;
  /** Last part but one of the scope: `invoices` for `ZohoBooks.invoices.READ`. */
  scope: string;
  signal?: AbortSignal | undefined;
}

/** A good answer. */
export interface ZohoAnswer {
  body: JsonObject;
  headers: Record<string, string>;
  sentAt: Date;
}

/** One organization's API. */
export class ZohoApi {
  readonly kind: ApiKind;
  readonly tokens: ZohoTokens;
  readonly #context: ConnectionContext<ZohoSettings>;
  readonly #refusals: Refusals;

  constructor(kind: ApiKind, context: ConnectionContext<ZohoSettings>) {
    this.kind = kind;
    this.#context = context;
    this.tokens = new ZohoTokens(context);
    this.#refusals = new Refusals(context.clock);
  }

  /** The host's time. */
  now(): Date {
    return this.#context.clock.now();
  }

  /** Sends a GET and resolves with the body of a good answer; throws the SDK error that is true otherwise. */
  async get(call: ZohoCall): Promise<ZohoAnswer> {
    const { settings, http } = this.#context;
    const subject: CallSubject = {
      product: this.kind.product,
      path: `/${call.path}`,
      scope: `${this.kind.scopePrefix}.${call.scope}.READ`,
      organizationId: settings.organizationId,
    };
    let body: JsonObject | undefined;
    let used = '';
    const read = (answer: HttpResponse): void => { body = this.#refusals.judge(subject.scope, used, () => readAnswer(answer, subject)); };
    const response: HttpResponse = await http.send({
      url: `${await this.tokens.apiServer(call.signal)}${this.kind.root}/${call.path}`,
      query: { ...call.query, organization_id: settings.organizationId },
      authorize: async () => {
        used = (await this.tokens.get(call.signal)).value;
        return { authorization: `Zoho-oauthtoken ${used}` };
      },
      onTokenRejected: () => this.tokens.reject(used),
      // Parsed here and kept, so that a cut-off body is asked for again by the host and a good one is parsed once.
      inspect: read,
      ...(call.signal ? { signal: call.signal } : {}),
    });
    return { body: body ?? readAnswer(response, subject), headers: response.headers, sentAt: response.sentAt };
  }
}
