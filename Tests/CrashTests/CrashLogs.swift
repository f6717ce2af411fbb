import Foundation
import TestSupport

/// The logs of a scene as they are written, and what must become of them, known without any database.
struct CrashLogs {
    /// Of each event, by its number, the versions of its content in the order of their coming.
    private var versions: [[UInt8]] = []
    private(set) var badLines = 0
    private(set) var emptyRows = 0
    private(set) var tableEvents = 0
    /// Lines of events, repeated ones too.
    private(set) var eventLines = 0
    private(set) var bytes = 0
    private var pad = 0
    private var blanks = 0
    private var dice: Dice
    private let project: TemporaryProject

    /// Each event happens in one of so many days.
    private static let days = 8

    init(_ project: TemporaryProject, seed: UInt64) {
        self.project = project
        dice = Dice(seed: seed)
    }

    var eventCount: Int { versions.count }

    /// The number of each event and the version that stays, in the order of the event ids.
    func staying(last: Bool) -> String {
        versions.enumerated().map { number, versions in
            "\(number):\((last ? versions.last : versions.first) ?? 0)"
        }.joined(separator: ",")
    }

    /// Writes one log.
    ///
    /// - Parameters:
    ///   - new: so many events that no log before had.
    ///   - pad: bytes that each event has more; `blanks`: bytes that only its line has more.
    ///   - repeats: the share of lines that bring an event of this log again.
    ///   - olds: so many lines of events of the logs before.
    ///   - badEvery: a line that no loader can take comes about so often.
    mutating func write(
        _ name: String, new: Int, pad: Int, blanks: Int = 0, repeats: Double = 0.02, olds: Int = 0,
        badEvery: Int = 3_000
    ) throws {
        self.pad = pad
        self.blanks = blanks
        let firstOwn = versions.count
        var text: [UInt8] = []
        text.reserveCapacity((new + olds) * (pad + blanks + 160))
        var leftOld = olds
        var leftNew = new
        while leftNew + leftOld > 0 {
            if dice.chance(1 / Double(badEvery)) { appendBad(&text) }
            if versions.count > firstOwn, dice.chance(repeats) {
                // Mostly soon, which is in the same batch; sometimes late.
                let reach = dice.chance(0.8) ? min(500, versions.count - firstOwn) : versions.count - firstOwn
                again(Int.random(in: versions.count - reach..<versions.count, using: &dice), &text)
            } else if Int.random(in: 0..<leftNew + leftOld, using: &dice) < leftOld {
                leftOld -= 1
                again(Int.random(in: 0..<max(1, firstOwn), using: &dice), &text)
            } else {
                leftNew -= 1
                versions.append([0])
                append(versions.count - 1, version: 0, &text)
            }
        }
        bytes += text.count
        try project.write(name, text)
    }

    /// Writes a CSV whose rows are two events, one, or none, with quoted line ends.
    mutating func writeTable(_ name: String, rows: Int) throws {
        var text = "order_id,purchased,delivered,note\r\n"
        for row in 0..<rows {
            let purchased = dice.chance(0.9)
            let delivered = dice.chance(0.5)
            if !purchased && !delivered { emptyRows += 1 }
            tableEvents += (purchased ? 1 : 0) + (delivered ? 1 : 0)
            let day = 5 + row % CrashLogs.days
            let time = "2026-01-\(day < 10 ? "0" : "")\(day)T10:00:00Z"
            text += "t\(row),\(purchased ? time : ""),\(delivered ? time : ""),\"row\r\n\(row)\"\r\n"
            if row % 700 == 699 {
                text += "ragged\r\n"
                badLines += 1
            }
        }
        bytes += text.utf8.count
        try project.write(name, text)
    }

    /// An event once more: with a content of its own, as it came last, or as it came at some time before.
    private mutating func again(_ number: Int, _ text: inout [UInt8]) {
        guard number < versions.count else { return }
        let isChanged = dice.chance(0.5) && versions[number].count < 200
        let before = dice.chance(0.5) ? versions[number].randomElement(using: &dice)! : versions[number].last!
        let version = isChanged ? UInt8(versions[number].count) : before
        versions[number].append(version)
        append(number, version: version, &text)
    }

    private mutating func append(_ number: Int, version: UInt8, _ text: inout [UInt8]) {
        // Time and padding follow from the number and the version, so that equal versions are equal lines.
        var own = Dice(seed: UInt64(number))
        let day = 5 + Int.random(in: 0..<CrashLogs.days, using: &own)
        let time =
            "2026-01-\(two(day))T\(two(number / 3600 % 24)):\(two(number / 60 % 60)):\(two(number % 60))Z"
        text += "{\"id\":\"e\(number)\",\"time\":\"\(time)\",\"type\":\"order.step\(number % 7)\"".utf8
        text += ",\"order_id\":\"o\(number / 5)\",\"seq\":\(number % 5),\"v\":\(version)".utf8
        if pad > 0 {
            text += ",\"pad\":\"".utf8
            var filler = Dice(seed: UInt64(number) << 8 | UInt64(version))
            for _ in 0..<pad / 8 {
                var word = filler.next()
                for _ in 0..<8 {
                    text.append(0x61 + UInt8(word & 15))
                    word >>= 4
                }
            }
            text.append(UInt8(ascii: "\""))
        }
        text += repeatElement(UInt8(ascii: " "), count: blanks)
        text += "}\n".utf8
        eventLines += 1
    }

    private mutating func appendBad(_ text: inout [UInt8]) {
        switch badLines % 5 {
        case 0: text += "{\"id\":\"x\",broken\n".utf8
        case 1: text += "{\"id\":\"x\",\"type\":\"order.noted\"}\n".utf8
        case 2: text += "{\"id\":\"x\",\"time\":\"yesterday\",\"type\":\"order.noted\"}\n".utf8
        case 3: text += Array("{\"id\":\"x\",\"city\":\"K".utf8) + [0xF6] + Array("ln\"}\n".utf8)
        default: text += "[1]\n".utf8
        }
        badLines += 1
    }

    private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
