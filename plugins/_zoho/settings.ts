import { dataCenters, type DataCenter } from './data-centers.ts';

/** `with:` of a Zoho connection, defaults filled in. */
export interface ZohoSettings {
  dataCenter: DataCenter;
  organizationId: string;
  clientId: string;
  clientSecret: string;
  refreshToken: string;
  accountsUrl: string;
  apiUrl: string;
}

/** The settings that both Zoho connectors share. */
export const zohoConfigSchema = {
  type: 'object',
  title: 'Zoho connection',
  description: 'How to reach one Zoho organization.',
  additionalProperties: false,
  required: ['organizationId', 'clientId', 'clientSecret', 'refreshToken'],
  properties: {
    dataCenter: {
      type: 'string',
      title: 'Data centre',
      description: 'Ending of the address at which you sign in to Zoho: `com` for accounts.zoho.com, `eu` for accounts.zoho.eu, and so on.',
      enum: dataCenters,
      default: 'com',
    },
    organizationId: {
      type: 'string',
      title: 'Organization',
      description: 'Id of the organization, digits only; shown in Zoho under Manage Organizations. `tds check` lists those that the token can reach.',
      pattern: '^[0-9]+$',
      examples: ['10234695'],
    },
    clientId: {
      type: 'string',
      title: 'Client id',
      description: 'Id of the client registered in the Zoho API console of the same data centre.',
      minLength: 1,
    },
    clientSecret: {
      type: 'string',
      title: 'Client secret',
      description: 'Secret of that client.',
      minLength: 1,
      secret: true,
      writeOnly: true,
    },
    refreshToken: {
      type: 'string',
      title: 'Refresh token',
      description: 'Refresh token of that client. It needs the READ scopes of the streams in use; it does not end by itself, but the 21st token of a user ends the oldest.',
      minLength: 1,
      secret: true,
      writeOnly: true,
    },
    accountsUrl: {
      type: 'string',
      title: 'Address of the accounts server',
      description: 'Overrides the accounts server of the data centre, for a test server or a proxy. Empty: the data centre\'s own.',
      pattern: '^(https?://[^\\s?#]+)?$',
      default: '',
      examples: ['http://127.0.0.1:4010'],
    },
    apiUrl: {
      type: 'string',
      title: 'Address of the API server',
      description: 'Overrides the API server, without `/books/v3` or `/inventory/v1`. Empty: what the token answer names as api_domain, else the data centre\'s own.',
      pattern: '^(https?://[^\\s?#]+)?$',
      default: '',
      examples: ['http://127.0.0.1:4010'],
    },
  },
} as const;
