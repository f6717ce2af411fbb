import Events
import Foundation

/// One answer of an API, with what was found in it.
struct Page: Sendable {
    let step: PageStep
    let body: HTTPAnswerBody
    /// The bytes of the body that hold the items.
    let content: Range<Int>
    /// How many items it has.
    let count: Int
    /// Of CSV.
    let columns: [String]
    /// Of the first page of JSON: what surrounds the items.
    let envelope: JSONValue?
    /// The highest value of the cursor field so far, as JSON.
    let mark: String?
    /// Nil at the last page.
    let next: PageStep?
    let validators: Validators?

    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: body.bytes[content]) }

    /// Tells whether the items before a place are those of an earlier answer: as of a file, by the KiB before it.
    func hash(before offset: Int) -> String {
        SHA256.hex(UnsafeBufferPointer(rebasing: bytes.prefix(offset).suffix(1_024)), prefix: 16)
    }
}

/// What an API gave to ask later whether anything has changed (RFC 9110, section 8.8).
package struct Validators: Sendable, Equatable, Codable {
    package var etag: String?
    package var lastModified: String?

    /// Nil where it gave nothing to go by.
    ///
    /// What was changed in the second of the answer may change once more in that second, and have the same time: such
    /// a time tells nothing (RFC 9110, section 8.8.2.2).
    init?(_ answer: HTTPAnswer) {
        etag = answer.headers["etag"]
        if let time = answer.headers["last-modified"], let changedAt = HTTPDate.parse(time),
            let date = answer.headers["date"].flatMap(HTTPDate.parse), changedAt < date
        {
            lastModified = time
        }
        if etag == nil && lastModified == nil { return nil }
    }
}

/// A place in a pull: which page, and how much of it is behind.
package struct PullCheckpoint: Sendable, Equatable, Codable {
    package var step = PageStep()
    /// Bytes of the page's items.
    package var offset = 0
    /// Of these bytes; nil where there are none.
    package var hash: String?
    /// The highest value of the cursor field so far, as JSON.
    package var mark: String?

    package init() {}

    /// The opposite of what is stored; nil where a secret is named that is none any more.
    package func restored(_ source: HTTPSource) -> PullCheckpoint? {
        step.restored(source.secrets).map { step in
            var checkpoint = self
            checkpoint.step = step
            return checkpoint
        }
    }
}

/// One passage through an API's pages: where it begins, and with what.
package struct PullStart: Sendable {
    /// Names it in the ledger: positions count its bytes of items, from 0.
    package var identity: String
    package var position: Int64 = 0
    package var line: Int64 = 1
    package var checkpoint = PullCheckpoint()
    /// What is asked for: the value of the incremental parameter, as JSON.
    package var since: String?
    /// Of the last pull, where it may be that nothing has changed since.
    package var validators: Validators?
    /// Pages after which nothing more is asked for; nil: to the end.
    package var maxPages: Int?

    package init(identity: String) { self.identity = identity }

    package var isResumed: Bool { checkpoint != PullCheckpoint() }
}

/// The checkpoint of an earlier run means nothing to the API any more.
package struct StaleCheckpoint: Error {
    package let reason: String
}
