/**
 * Golden vectors of flows, version 1: whole lives, each frame as protobuf in JSON and as its bytes in hex. `detail` is for
 * people, so it is left out here.
 *
 * The endpoint `list` gives back all that it got when its caller has ended; `ban` fails with the error that it declares, and
 * `late` does so after it has ended.
 */
export type Step = readonly [from: "caller" | "host", json: string, hex: string]

const openList: Step = ["caller", `{"open":{"endpoint":"list","wireVersion":1}}`, "0a080a046c6973741001"]
const openNew: Step = [
  "caller",
  `{"open":{"endpoint":"list","wireVersion":1,"revision":1}}`,
  "0a0a0a046c69737410015801"
]
const accepted: Step = ["host", `{"accepted":{}}`, "1200"]

export const lives: ReadonlyArray<readonly [string, ReadonlyArray<Step>]> = [
  [
    "both sides end",
    [
      openList,
      accepted,
      ["caller", `{"data":{"messages":["b25l","dHdv"]}}`, "220a0a036f6e650a0374776f"],
      ["caller", `{"data":{"messages":["dGhyZWU=",""]}}`, "22090a0574687265650a00"],
      ["caller", `{"end":{"count":"4"}}`, "2a020804"],
      ["host", `{"data":{"messages":["b25l","dHdv","dGhyZWU=",""]}}`, "22130a036f6e650a0374776f0a0574687265650a00"],
      ["host", `{"end":{"count":"4"}}`, "2a020804"]
    ]
  ],
  [
    "both sides end without a message",
    [openList, accepted, ["caller", `{"end":{}}`, "2a00"], ["host", `{"end":{}}`, "2a00"]]
  ],
  [
    "a caller of revision 1 says its second word, and then a message",
    [
      openNew,
      accepted,
      ["caller", `{"data":{}}`, "2200"],
      ["caller", `{"data":{"messages":["b25l"]}}`, "22050a036f6e65"],
      ["caller", `{"end":{"count":"1"}}`, "2a020801"],
      ["host", `{"data":{"messages":["b25l"]}}`, "22050a036f6e65"],
      ["host", `{"end":{"count":"1"}}`, "2a020801"]
    ]
  ],
  [
    "a message is cut and joined",
    [
      openList,
      accepted,
      [
        "caller",
        `{"data":{"messages":["emVybw==","b25lIHR3"],"partial":true}}`,
        "22100a047a65726f0a066f6e652074771001"
      ],
      ["caller", `{"data":{"messages":["byB0aA=="],"partial":true}}`, "22080a046f2074681001"],
      ["caller", `{"data":{"messages":["cmVl"]}}`, "22050a03726565"],
      ["caller", `{"end":{"count":"2"}}`, "2a020802"],
      [
        "host",
        `{"data":{"messages":["emVybw==","b25lIHR3byB0aHJlZQ=="]}}`,
        "22150a047a65726f0a0d6f6e652074776f207468726565"
      ],
      ["host", `{"end":{"count":"2"}}`, "2a020802"]
    ]
  ],
  [
    "the host does not take the flow",
    [
      ["caller", `{"open":{"endpoint":"nobody","wireVersion":1}}`, "0a0a0a066e6f626f64791001"],
      ["host", `{"rejected":{"reason":"REJECT_REASON_ENDPOINT_NOT_FOUND"}}`, "1a020801"]
    ]
  ],
  [
    "the endpoint fails with its error",
    [
      ["caller", `{"open":{"endpoint":"ban","wireVersion":1}}`, "0a070a0362616e1001"],
      accepted,
      ["caller", `{"data":{"messages":["c3BhbQ=="]}}`, "22060a047370616d"],
      [
        "host",
        `{"fail":{"reason":"FAIL_REASON_DOMAIN","error":"eyJfdGFnIjoiQmFubmVkIiwidW50aWwiOiJ0b21vcnJvdyJ9"}}`,
        "322808011a247b225f746167223a2242616e6e6564222c22756e74696c223a22746f6d6f72726f77227d"
      ]
    ]
  ],
  [
    "the endpoint fails after its end",
    [
      ["caller", `{"open":{"endpoint":"late","wireVersion":1}}`, "0a080a046c6174651001"],
      accepted,
      ["host", `{"end":{}}`, "2a00"],
      ["caller", `{"data":{"messages":["c3BhbQ=="]}}`, "22060a047370616d"],
      [
        "host",
        `{"fail":{"reason":"FAIL_REASON_DOMAIN","error":"eyJfdGFnIjoiQmFubmVkIiwidW50aWwiOiJ0b21vcnJvdyJ9"}}`,
        "322808011a247b225f746167223a2242616e6e6564222c22756e74696c223a22746f6d6f72726f77227d"
      ]
    ]
  ],
  [
    "a message is missing",
    [
      openList,
      accepted,
      ["caller", `{"data":{"messages":["b25l"]}}`, "22050a036f6e65"],
      ["caller", `{"end":{"count":"2"}}`, "2a020802"],
      ["host", `{"fail":{"reason":"FAIL_REASON_PROTOCOL_VIOLATION"}}`, "32020806"]
    ]
  ]
]

/** An Open in which every field says something, as a gateway sends it. */
const openInFull: Step = [
  "caller",
  `{"open":{"endpoint":"list","wireVersion":1,"contract":"81985529216486895","caller":"gateway","codec":"bytes/bytes","host":"server","deadlineMillis":"1500","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"a=b","path":["first","gateway"]}}`,
  "0a80010a046c697374100119efcdab89674523012207676174657761792a0b62797465732f6279746573320673657276657238dc0b423730302d30616637363531393136636434336464383434386562323131633830333139632d623761643662373136393230333333312d30314a03613d6252056669727374520767617465776179"
]

/** Data of an endpoint that is being withdrawn, alone and with a message. */
const draining: ReadonlyArray<Step> = [
  ["host", `{"data":{"draining":true}}`, "22021801"],
  ["host", `{"data":{"messages":["b25l"],"draining":true}}`, "22070a036f6e651801"]
]

/** A caller that says something of itself, and one that a host does not let in whose rule is not that of the other owners. */
const access: ReadonlyArray<Step> = [
  [
    "caller",
    `{"open":{"endpoint":"list","wireVersion":1,"metadata":{"token":"abc"}}}`,
    "0a160a046c6973741001620c0a05746f6b656e1203616263"
  ],
  ["host", `{"rejected":{"reason":"REJECT_REASON_UNAUTHORIZED","ownersDiffer":true}}`, "1a0408051801"]
]

/** All frames of all lives, and those that no life needs. */
export const frames: ReadonlyArray<Step> = [...lives.flatMap(([, steps]) => steps), openInFull, ...draining, ...access]

/** A frame on the stream: flags 0, its length in four bytes, itself. */
export const envelope = (hex: string): string => `00${(hex.length / 2).toString(16).padStart(8, "0")}${hex}`

/** The end of an answer over Connect. */
export const goodEnd = "02000000027b7d"
