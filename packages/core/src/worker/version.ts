// Generated from packages/core/package.json by `npm run generate`. Edit the source instead.

/** The version of this library. */
export const VERSION = "0.0.0";
