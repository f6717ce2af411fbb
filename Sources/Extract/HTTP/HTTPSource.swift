import Events

/// How the events of an HTTP API are asked for: the `http` block of a source.
package struct HTTPSource: Sendable {
    /// As the definition writes it, its variables unresolved: what a person sees, and the ledger.
    package var name: String
    package var method = HTTPMethod.get
    /// With what of the query stands in it.
    package var url: String
    /// The same as the definition writes it, its variables unresolved.
    package var written: String
    package var query: [QueryItem] = []
    package var headers: [HTTPHeader] = []
    /// JSON text, or any text.
    package var body: HTTPBody?
    package var authentication = Authentication.none
    package var format = HTTPFormat.json
    /// The standard that the items follow, which says what their fields mean; nil: none.
    package var standard: String?
    /// Where the array of events stands in a JSON answer; nil: the answer is the array.
    package var dataPath: FieldPath?
    /// What stands here in an answer says that it is none.
    package var errorPath: FieldPath?
    package var pagination = Pagination.single
    package var incremental: Incremental?
    package var limits = HTTPLimits()
    /// A mark behind it is none: one item from 9999 must not end all asking.
    package var latestMark: Timestamp?
    /// What must never be seen.
    package var secrets = Secrets()

    package init(name: String, url: String, written: String? = nil) {
        self.name = name
        self.url = url
        self.written = written ?? url
    }

    /// Tells one way of asking from another, without secrets: places in the answers of one mean nothing in another's.
    package var requestHash: String {
        HTTPSource.hash(
            asked + headers.map { "\($0.name): \($0.written)" }
                + [method.rawValue, format.rawValue, "\(pagination)", incremental.map { "\($0)" } ?? ""])
    }

    /// Tells one kind of mark from another.
    package var markHash: String {
        HTTPSource.hash(asked + [incremental?.field.text ?? "", incremental.map { "\($0.place)" } ?? ""])
    }

    /// What is asked for, whatever the pages are like.
    private var asked: [String] {
        [written] + query.map { "\($0.name)=\($0.written)" } + [body?.written ?? "", dataPath?.text ?? ""]
    }

    private static func hash(_ parts: [String]) -> String {
        SHA256.hex(Array(parts.joined(separator: "\u{0}").utf8), prefix: 8)
    }
}

package enum HTTPMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
}

/// The formats in which an API's answers may be written.
package enum HTTPFormat: String, Sendable, CaseIterable { case json, ndjson, csv }

package struct QueryItem: Sendable, Equatable {
    package var name: String
    package var value: String
    /// As the definition writes it, its variables unresolved.
    package var written: String

    package init(_ name: String, _ value: String, written: String? = nil) {
        (self.name, self.value, self.written) = (name, value, written ?? value)
    }
}

package struct HTTPHeader: Sendable, Equatable {
    package var name: String
    package var value: String
    /// As the definition writes it, its variables unresolved.
    package var written: String

    package init(_ name: String, _ value: String, written: String? = nil) {
        (self.name, self.value, self.written) = (name, value, written ?? value)
    }
}

package struct HTTPBody: Sendable, Equatable {
    package var text: String
    /// As the definition writes it, its variables unresolved.
    package var written: String
    package var isJSON: Bool

    package init(text: String, written: String, isJSON: Bool) {
        (self.text, self.written, self.isJSON) = (text, written, isJSON)
    }
}

/// Where in a request a value is put.
package enum ParameterPlace: Sendable, Equatable {
    case query(String)
    /// A path into the JSON body.
    case body([String])
}

/// Only what is new since the last run is asked for.
package struct Incremental: Sendable {
    /// Of which item field the highest value is the mark.
    package var field: FieldPath
    package var place: ParameterPlace
    /// Where the first run begins; nil: at the beginning.
    package var initial: String?
    /// How far behind the mark the next run begins.
    package var lagMicroseconds: Int64 = 0
    /// Where a backfill ends: it begins at `initial`, and leaves the mark where it is.
    package var end: (value: String, place: ParameterPlace)?

    package init(field: FieldPath, place: ParameterPlace) { (self.field, self.place) = (field, place) }
}

/// How an API is spared, and we are.
package struct HTTPLimits: Sendable {
    /// Nil: as fast as it answers.
    package var requestsPerSecond: Double?
    /// Tries of one request.
    package var maxAttempts = 8
    /// The most that is waited before the second try; it doubles with each.
    package var backoffSeconds = 0.5
    /// Of one run; the next goes on where they ended. Nil: as many as there are pages.
    package var maxRequests: Int?
    /// Pages of one run; more are taken for a loop.
    package var maxPages = 100_000
    /// Bytes of one answer, unpacked.
    package var maxResponse = 1 << 30
    /// Without a byte for so long, an attempt is given up.
    package var timeoutSeconds = 60.0
    /// All the waiting for one request: an API that tells to come back later than this is out of reach.
    package var maxWaitSeconds = 900.0

    package init() {}
}
