import Foundation

/// The offsets from UTC of one time zone, as a table built once and read without a lock or an allocation.
///
/// It covers the years 1900 to 2100; earlier and later times have the first and the last offset of the table.
package final class TimeZoneRules: Sendable {
    package let identifier: String

    /// The wall clock, in seconds since 1970, from which `offsets` at the next index holds; ascending. Where
    /// the clock goes back it is the second time the clock shows this, where it goes forward the end of the
    /// gap: with that, the hour shown twice is the first one, and the hour left out is counted on from before
    /// the gap.
    private let localStarts: [Int64]

    /// Seconds east of UTC; one more than `localStarts`.
    private let offsets: [Int32]

    /// A name of the IANA database in its own spelling (`Europe/Berlin`, `UTC`), or a fixed offset
    /// (`+02:00`). Nil for anything else: abbreviations such as `PST` too, since several zones share them.
    package init?(identifier: String) {
        self.identifier = identifier
        if let offset = Self.fixedOffset(identifier) {
            localStarts = []
            offsets = [offset]
            return
        }
        guard identifier.contains("/") || Self.namesWithoutSlash.contains(identifier),
            !Self.notInTheDatabase.contains(identifier), !identifier.hasPrefix("SystemV/"),
            let zone = TimeZone(identifier: identifier)
        else { return nil }

        var starts: [Int64] = []
        var time = Date(timeIntervalSince1970: -2_208_988_800)  // 1900-01-01
        let end = Date(timeIntervalSince1970: 4_133_980_800)  // 2101-01-01
        var offset = zone.secondsFromGMT(for: time)
        var offsets = [Int32(offset)]
        while let next = zone.nextDaylightSavingTimeTransition(after: time), next > time, next < end {
            let nextOffset = zone.secondsFromGMT(for: next)
            if nextOffset != offset {
                starts.append(Int64(next.timeIntervalSince1970) + Int64(max(offset, nextOffset)))
                offsets.append(Int32(nextOffset))
            }
            (time, offset) = (next, nextOffset)
        }
        localStarts = starts
        self.offsets = offsets
    }

    /// Seconds east of UTC when the clock on the wall shows `local`, seconds since 1970-01-01T00:00 on that
    /// wall. A time shown twice is the first of the two; one never shown has the offset from before the gap.
    package func offsetSeconds(atLocal local: Int64) -> Int {
        localStarts.withUnsafeBufferPointer { starts in
            var low = 0
            var count = starts.count
            while count > 0 {
                let half = count / 2
                let isAfter = starts[low &+ half] <= local
                low = isAfter ? low &+ half &+ 1 : low
                count = isAfter ? count &- half &- 1 : half
            }
            return Int(offsets[low])
        }
    }

    private static func fixedOffset(_ identifier: String) -> Int32? {
        var text = identifier
        return text.withUTF8 { bytes in
            var scan = TimeScanner(bytes)
            guard let offset = scan.zoneOffset(), scan.isAtEnd else { return nil }
            return Int32(offset)
        }
    }

    /// `TimeZone` also takes abbreviations and `GMT+2` for names without a slash, and its list of known names
    /// lacks half of the database, `UTC` among them; so here they are.
    private static let namesWithoutSlash: Set<String> = [
        "CET", "CST6CDT", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire", "GB", "GB-Eire", "GMT", "GMT0",
        "Greenwich", "HST", "Hongkong", "Iceland", "Iran", "Israel", "Jamaica", "Japan", "Kwajalein", "Libya",
        "MET", "MST", "MST7MDT", "NZ", "NZ-CHAT", "Navajo", "PRC", "PST8PDT", "Poland", "Portugal", "ROC",
        "ROK", "Singapore", "Turkey", "UCT", "UTC", "Universal", "W-SU", "WET", "Zulu",
    ]

    /// `TimeZone` knows these and the systems of `SystemV/`; the database has dropped them.
    private static let notInTheDatabase: Set<String> = ["US/Pacific-New"]
}
