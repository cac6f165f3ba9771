export declare const LOOPBACK: RegExp
export declare function notForTests(host: string): Error
