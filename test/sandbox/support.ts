import { type SandboxOptions, type ZohoSandbox, startZohoSandbox } from '../../sandbox/zoho/server.ts'

export type Fields = Record<string, unknown>

export interface Reply {
  status: number
  headers: Headers
  text: string
  json: Fields
}

/** A sandbox with a caller that holds a token. */
export interface Caller {
  sandbox: ZohoSandbox
  /** Path below the host, organization_id added unless the path has one or says `bare`. */
  get(path: string, options?: { bare?: boolean; method?: string; body?: string; headers?: Record<string, string> }): Promise<Reply>
  token(changes?: Record<string, string>): Promise<Reply>
  renew(): Promise<void>
}

// Monday noon in Baghdad, so that the day of the quota does not turn under a test.
export const noon = Date.parse('2026-06-01T12:00:00+0300'.replace('+0300', '+03:00'))

export async function startCaller(options: SandboxOptions = {}): Promise<Caller> {
  const sandbox = await startZohoSandbox({ scale: 'small', startAt: noon, frozen: true, ...options })
  let access = ''
  const token: Caller['token'] = async (changes = {}) => {
    const { clientId, clientSecret, refreshToken } = sandbox.credentials
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken, ...changes })
    return reply(await fetch(`${sandbox.accountsUrl}/oauth/v2/token`, { method: 'POST', body: form }))
  }
  const renew = async (): Promise<void> => {
    access = String((await token()).json['access_token'])
  }
  await renew()
  return {
    sandbox,
    token,
    renew,
    async get(path, { bare = false, method = 'GET', body, headers = {} } = {}) {
      const url = new URL(path, sandbox.apiUrl)
      if (!bare && !url.searchParams.has('organization_id')) url.searchParams.set('organization_id', sandbox.credentials.organizationId)
      return reply(await fetch(url, { method, headers: { Authorization: `Zoho-oauthtoken ${access}`, ...headers }, ...(body === undefined ? {} : { body }) }))
    },
  }
}

async function reply(response: Response): Promise<Reply> {
  const text = await response.text()
  let json: Fields = {}
  try {
    json = JSON.parse(text) as Fields
  } catch {
    // A body that is no JSON is looked at as text.
  }
  return { status: response.status, headers: response.headers, text, json }
}

export function rows(reply: Reply, key: string): Fields[] {
  return reply.json[key] as Fields[]
}

export function context(reply: Reply): Fields {
  return reply.json['page_context'] as Fields
}
