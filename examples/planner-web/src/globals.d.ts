/** Set by build.mjs: the app's own server, and what the app is called. */
declare const SERVER: string;
declare const NAME: string;
