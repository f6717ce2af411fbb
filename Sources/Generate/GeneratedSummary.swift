/// What was written. With a filter on a service, lines, bytes, events, duplicates, bad lines, late and the
/// times are of that service alone; the counts of orders are always of all.
package struct GeneratedSummary: Sendable, Equatable {
    package var orders = 0
    /// `events + duplicates + badLines`.
    package var lines = 0
    package var bytes = 0
    /// Distinct events.
    package var events = 0
    package var duplicates = 0
    package var badLines = 0
    /// Events that arrived minutes to days after they happened; copies are not counted.
    package var late = 0
    /// Orders that were cancelled; a few of them are delivered all the same.
    package var cancelled = 0
    /// Orders that were neither delivered nor cancelled, among them those stuck before payment.
    package var neverDelivered = 0
    /// The earliest and the latest time of an event, Unix milliseconds; nil where there is none.
    package var firstTimeMilliseconds: Int64?
    package var lastTimeMilliseconds: Int64?
    package var linesByService: [GeneratedService: Int] = [:]

    package init() {}
}
