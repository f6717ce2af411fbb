/// A point in time: microseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Comparable, Hashable, Sendable, CustomStringConvertible {
    package var microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// The time these bytes say, all of them: ISO 8601 (RFC 3339 and what PostgreSQL prints too) or an epoch
    /// number. Nil where they are no time, or one outside the years 0001 to 9999. Finer than a microsecond is
    /// rounded down.
    ///
    /// - `2026-01-02`, `2026-01-02T03:04`, `2026-01-02 03:04:05,678`, each time with `Z`, `+02`, `+0200`,
    ///   `+02:00` or none; 24:00 is the next midnight, second 60 the next minute.
    /// - `1767323045`, `-1.5`, `1.7e9`: seconds below 10^11, milliseconds below 10^14, microseconds below
    ///   10^17, from there on nanoseconds.
    ///
    /// `zone` is what a time without a zone means; nil is UTC.
    package static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, zone: TimeZoneRules? = nil
    ) -> Timestamp? {
        if let time = parseUTC(bytes) { return time }
        if bytes.count >= 10, bytes[4] == UInt8(ascii: "-"), let time = parseISO(bytes, zone: zone) {
            return time
        }
        return parseEpoch(bytes)
    }

    /// The same as `parse`, of a text.
    package init?(_ text: String, zone: TimeZoneRules? = nil) {
        var text = text
        guard let time = text.withUTF8({ Timestamp.parse($0, zone: zone) }) else { return nil }
        self = time
    }

    /// Days since 1970-01-01, UTC, rounded down.
    package var day: Int32 {
        let (days, rest) = microseconds.quotientAndRemainder(dividingBy: Self.microsecondsPerDay)
        return Int32(truncatingIfNeeded: rest < 0 ? days - 1 : days)
    }

    /// `2026-11-21T10:11:12Z`, with a fraction only where there is one: `2026-11-21T10:11:12.5Z`.
    package var description: String {
        let date = CalendarDay(daysSinceEpoch: day)
        let rest = Int(microseconds % Self.microsecondsPerDay)
        let time = rest < 0 ? rest + Int(Self.microsecondsPerDay) : rest
        return String(unsafeUninitializedCapacity: 32) { buffer in
            var text = DigitWriter(buffer)
            text.write(date, separator: UInt8(ascii: "-"))
            text.write(UInt8(ascii: "T"))
            text.write(time / 3_600_000_000, digits: 2)
            text.write(UInt8(ascii: ":"))
            text.write(time / 60_000_000 % 60, digits: 2)
            text.write(UInt8(ascii: ":"))
            text.write(time / 1_000_000 % 60, digits: 2)
            var fraction = time % 1_000_000
            if fraction != 0 {
                var digits = 6
                while fraction % 10 == 0 {
                    fraction /= 10
                    digits -= 1
                }
                text.write(UInt8(ascii: "."))
                text.write(fraction, digits: digits)
            }
            text.write(UInt8(ascii: "Z"))
            return text.count
        }
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    private static let microsecondsPerDay: Int64 = 86_400_000_000
}

// MARK: - ISO 8601 and epoch numbers

extension Timestamp {
    /// Seconds since 1970 that the years 0001 to 9999 span.
    private static var firstSecond: Int { -62_135_596_800 }
    private static var lastSecond: Int { 253_402_300_799 }

    /// `microsecond` is 0 to 999999 and counts upwards from `seconds`; nil outside the years 0001 to 9999.
    init?(seconds: Int, microsecond: Int) {
        guard seconds >= Self.firstSecond, seconds <= Self.lastSecond else { return nil }
        self.init(microseconds: Int64(seconds &* 1_000_000 &+ microsecond))
    }

    /// The form of nearly all times in logs: `2026-01-02T03:04:05Z`, and with up to six digits of a fraction. Every
    /// part has its place there, which takes a third of the instructions of `parseISO`; that reads what is nil here.
    @inline(__always)
    private static func parseUTC(_ bytes: UnsafeBufferPointer<UInt8>) -> Timestamp? {
        guard bytes.count >= 20, bytes.count <= 27, let base = UnsafeRawPointer(bytes.baseAddress),
            bytes[10] == UInt8(ascii: "T"), bytes[bytes.count &- 1] == UInt8(ascii: "Z"),
            let date = DigitPairs(at: base, .yearMonth), let clock = DigitPairs(at: base + 11, .clock)
        else { return nil }
        let (tens, ones) = (bytes[8] &- UInt8(ascii: "0"), bytes[9] &- UInt8(ascii: "0"))
        guard tens < 10, ones < 10 else { return nil }
        var wall = WallTime(
            year: date[0] &* 100 &+ date[2], month: date[5], day: Int(tens) &* 10 &+ Int(ones),
            hour: clock[0],
            minute: clock[3], second: clock[6], offset: 0)
        if bytes.count > 20 {
            let digitCount = bytes.count &- 21
            // The eight bytes before the Z, without those before the fraction; zeros follow its digits.
            let word = UInt64(
                littleEndian: base.loadUnaligned(fromByteOffset: bytes.count &- 9, as: UInt64.self))
            let digits = (word ^ 0x3030_3030_3030_3030) &>> UInt64(64 &- digitCount &* 8)
            guard bytes[19] == UInt8(ascii: "."), digitCount > 0,
                (digits | (digits &+ 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 == 0
            else { return nil }
            wall.microsecond = TimeScanner.hundredths(digits) / 100
        }
        return wall.timestamp(in: nil)
    }

    private static func parseISO(_ bytes: UnsafeBufferPointer<UInt8>, zone: TimeZoneRules?) -> Timestamp? {
        var scan = TimeScanner(bytes)
        guard let date = scan.digitPairs(.yearMonth), let day = scan.twoDigits() else { return nil }
        var wall = WallTime(year: date[0] &* 100 &+ date[2], month: date[5], day: day)
        if !scan.isAtEnd {
            guard scan.readClock(into: &wall) else { return nil }
        }
        if !scan.isAtEnd {
            _ = scan.skip(UInt8(ascii: " "))
            guard let offset = scan.zoneOffset(), scan.isAtEnd else { return nil }
            wall.offset = offset
        }
        return wall.timestamp(in: zone)
    }

    /// Exact: the number is kept as its first 19 significant digits, a power of ten, and whether any digit
    /// after those is not zero. The digits before the decimal point alone then tell the unit.
    private static func parseEpoch(_ bytes: UnsafeBufferPointer<UInt8>) -> Timestamp? {
        var scan = TimeScanner(bytes)
        let isNegative = scan.skip(UInt8(ascii: "-"))
        var number = DecimalDigits()
        guard number.readInteger(&scan) else { return nil }
        if scan.skip(UInt8(ascii: ".")) {
            guard number.readFraction(&scan) else { return nil }
        }
        if scan.skip(UInt8(ascii: "e")) || scan.skip(UInt8(ascii: "E")) {
            guard number.readExponent(&scan) else { return nil }
        }
        guard scan.isAtEnd, let (microseconds, isExact) = number.microseconds() else { return nil }
        let floored = isNegative ? -microseconds - (isExact ? 0 : 1) : microseconds
        guard floored >= firstSecond * 1_000_000 else { return nil }
        return Timestamp(microseconds: Int64(floored))
    }
}

extension TimeScanner {
    /// `T03:04`, `T03:04:05` or `T03:04:05.678`.
    @inline(__always)
    fileprivate mutating func readClock(into wall: inout WallTime) -> Bool {
        guard skip(UInt8(ascii: "T")) || skip(UInt8(ascii: " ")) || skip(UInt8(ascii: "t")) else {
            return false
        }
        guard let clock = digitPairs(.clock) else {
            guard let hour = twoDigits(), skip(UInt8(ascii: ":")), let minute = twoDigits() else {
                return false
            }
            (wall.hour, wall.minute) = (hour, minute)
            return true
        }
        (wall.hour, wall.minute, wall.second) = (clock[0], clock[3], clock[6])
        if skip(UInt8(ascii: ".")) || skip(UInt8(ascii: ",")) {
            guard let fraction = fraction() else { return false }
            wall.microsecond = fraction.microseconds
        }
        return true
    }
}

/// A decimal number without its sign: `significand` times 10 to the `exponent`, and a bit more unless
/// `isExact`.
private struct DecimalDigits {
    private var significand: UInt64 = 0
    private var count = 0
    private var exponent = 0
    private var isExact = true

    /// False where there is no digit, here and below.
    mutating func readInteger(_ scan: inout TimeScanner) -> Bool {
        let start = scan.position
        while let digit = scan.digit() {
            if !keep(digit) { exponent &+= 1 }
        }
        return scan.position > start
    }

    mutating func readFraction(_ scan: inout TimeScanner) -> Bool {
        let start = scan.position
        while let digit = scan.digit() {
            if keep(digit) { exponent &-= 1 }
        }
        return scan.position > start
    }

    mutating func readExponent(_ scan: inout TimeScanner) -> Bool {
        let isNegative = scan.skip(UInt8(ascii: "-"))
        if !isNegative { _ = scan.skip(UInt8(ascii: "+")) }
        let start = scan.position
        var written = 0
        while let digit = scan.digit() {
            // Larger than any buffer is long, so that no run of zeros makes up for it.
            if written < 1_000_000_000_000_000 { written = written &* 10 &+ digit }
        }
        exponent &+= isNegative ? -written : written
        return scan.position > start
    }

    /// Truncated; nil where the number is too large for nanoseconds in an `Int64`.
    func microseconds() -> (Int, isExact: Bool)? {
        if significand == 0 { return (0, isExact: true) }
        let shift: Int
        switch count &+ exponent {  // the digits before the decimal point
        case ...11: shift = 6
        case ...14: shift = 3
        case ...17: shift = 0
        case 18: shift = -3
        case 19 where significand &* Self.powerOfTen(exponent) <= UInt64(Int64.max): shift = -3
        default: return nil
        }
        let power = exponent &+ shift
        if power >= 0 { return (Int(significand &* Self.powerOfTen(power)), isExact: isExact) }
        if power < -19 { return (0, isExact: false) }
        let (quotient, rest) = significand.quotientAndRemainder(dividingBy: Self.powerOfTen(-power))
        return (Int(quotient), isExact: isExact && rest == 0)
    }

    /// False where 19 digits stand already.
    private mutating func keep(_ digit: Int) -> Bool {
        guard count < 19 else {
            if digit != 0 { isExact = false }
            return false
        }
        significand = significand &* 10 &+ UInt64(truncatingIfNeeded: digit)
        if significand != 0 { count &+= 1 }
        return true
    }

    /// `power` is 0 to 19.
    private static func powerOfTen(_ power: Int) -> UInt64 {
        var result: UInt64 = 1
        for _ in 0..<power { result &*= 10 }
        return result
    }
}

// MARK: - Days

/// What a clock on the wall and the calendar beside it show, before it is known that there is such a time.
/// No field is negative but `offset`.
struct WallTime {
    var year = 0
    var month = 0
    var day = 0
    var hour = 0
    var minute = 0
    var second = 0
    var microsecond = 0
    /// Seconds east of UTC, where the text tells them.
    var offset: Int?

    /// Nil where no calendar or clock shows this, or it is outside the years 0001 to 9999 in UTC.
    @inline(__always)
    func timestamp(in zone: TimeZoneRules?) -> Timestamp? {
        guard let days = CalendarDay.daysSinceEpoch(year: year, month: month, day: day),
            hour < 24 || (hour == 24 && minute | second | microsecond == 0), minute < 60, second <= 60
        else { return nil }
        let local = days &* 86_400 &+ hour &* 3_600 &+ minute &* 60 &+ second
        let offset = offset ?? zone?.offsetSeconds(atLocal: Int64(local)) ?? 0
        return Timestamp(seconds: local &- offset, microsecond: microsecond)
    }
}

// MARK: - Bytes in, bytes out

/// Reads the small parts that all notations of time have. A method that finds nothing leaves `position`
/// alone.
struct TimeScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    @inline(__always)
    mutating func skip(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position &+= 1
        return true
    }

    @inline(__always)
    mutating func digit() -> Int? {
        guard position < bytes.count else { return nil }
        let value = bytes[position] &- UInt8(ascii: "0")
        guard value < 10 else { return nil }
        position &+= 1
        return Int(value)
    }

    @inline(__always)
    mutating func twoDigits() -> Int? {
        guard bytes.count &- position >= 2 else { return nil }
        let tens = bytes[position] &- UInt8(ascii: "0")
        let ones = bytes[position &+ 1] &- UInt8(ascii: "0")
        guard tens < 10, ones < 10 else { return nil }
        position &+= 2
        return Int(tens) &* 10 &+ Int(ones)
    }

    /// Reads eight bytes at once that have this shape: a third of the time that byte after byte takes.
    @inline(__always)
    mutating func digitPairs(_ shape: DigitShape) -> DigitPairs? {
        guard bytes.count &- position >= 8, let base = UnsafeRawPointer(bytes.baseAddress) else { return nil }
        guard let pairs = DigitPairs(at: base + position, shape) else { return nil }
        position &+= 8
        return pairs
    }

    /// One digit or more, at most `maxDigits` of them (18 or fewer).
    mutating func number(maxDigits: Int) -> Int? {
        guard var value = digit() else { return nil }
        var count = 1
        while count < maxDigits, let digit = digit() {
            value = value &* 10 &+ digit
            count &+= 1
        }
        return value
    }

    /// The digits after a decimal point, one or more: truncated, and whether that lost nothing.
    @inline(__always)
    mutating func fraction() -> (microseconds: Int, isExact: Bool)? {
        let values = word() ^ 0x3030_3030_3030_3030
        let others = (values | (values &+ 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080
        let count = others.trailingZeroBitCount / 8
        guard count > 0 else { return nil }
        position &+= count
        // Zeros in the place of what follows the digits: all eight are hundredths of a microsecond.
        let digits = values & ~(UInt64.max << UInt64(count &* 8))
        let hundredths = TimeScanner.hundredths(digits)
        var isExact = hundredths % 100 == 0
        if count == 8 {
            while let digit = digit() {
                if digit != 0 { isExact = false }
            }
        }
        return (hundredths / 100, isExact)
    }

    /// Eight digits, the first lowest, as one number: hundredths of a microsecond where they are a fraction.
    @inline(__always)
    static func hundredths(_ digits: UInt64) -> Int {
        let pairs = digits &* 10 &+ digits >> 8
        let upper = (pairs & 0x0000_00ff_0000_00ff) &* (100 + 1_000_000 << 32)
        let lower = (pairs >> 16 & 0x0000_00ff_0000_00ff) &* (1 + 10_000 << 32)
        return Int(truncatingIfNeeded: (upper &+ lower) >> 32)
    }

    /// The next eight bytes, the first of them lowest; zeros beyond the end.
    @inline(__always)
    private func word() -> UInt64 {
        let rest = bytes.count &- position
        guard bytes.count >= 8, let base = UnsafeRawPointer(bytes.baseAddress) else {
            return bytes[position...].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let start = rest >= 8 ? position : bytes.count &- 8
        let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: start, as: UInt64.self))
        return word >> UInt64((position &- start) &* 8)
    }

    /// `Z`, `+02`, `+0200` or `+02:00`, up to 18 hours either way: seconds east of UTC.
    @inline(__always)
    mutating func zoneOffset() -> Int? {
        if skip(UInt8(ascii: "Z")) || skip(UInt8(ascii: "z")) { return 0 }
        guard let (offset, end) = numericOffset() else { return nil }
        position = end
        return offset
    }

    /// Not mutating and not inlined, which keeps the scanner of the common path, `Z`, in registers.
    @inline(never)
    private func numericOffset() -> (offset: Int, end: Int)? {
        var scan = self
        let isWest = scan.skip(UInt8(ascii: "-"))
        guard isWest || scan.skip(UInt8(ascii: "+")), let hours = scan.twoDigits() else { return nil }
        var end = scan.position
        _ = scan.skip(UInt8(ascii: ":"))
        var offset = hours &* 3_600
        if let minutes = scan.twoDigits() {
            guard minutes < 60 else { return nil }
            offset &+= minutes &* 60
            end = scan.position
        }
        guard offset <= 18 * 3_600 else { return nil }
        return (isWest ? -offset : offset, end)
    }

    /// One byte or more for which `belongs` holds.
    mutating func skipAll(where belongs: (UInt8) -> Bool) -> Bool {
        let start = position
        while position < bytes.count, belongs(bytes[position]) { position &+= 1 }
        return position > start
    }

    /// `word` in lower case letters; the bytes in either case.
    mutating func skip(word: StaticString) -> Bool {
        let letters = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard letters.count <= bytes.count &- position else { return false }
        for index in letters.indices where bytes[position &+ index] | 0x20 != letters[index] { return false }
        position &+= letters.count
        return true
    }
}

/// Where digits and separators stand in eight bytes, the first byte lowest.
struct DigitShape {
    /// The bytes with every digit 0.
    let zeros: UInt64
    /// What may be added to each byte, its zero taken away, before it exceeds 0x7f: 0x76 to a digit.
    let room: UInt64

    /// `2026-11-`
    static var yearMonth: DigitShape {
        DigitShape(zeros: 0x2d30_302d_3030_3030, room: 0x7f76_767f_7676_7676)
    }

    /// `10:11:12`
    static var clock: DigitShape {
        DigitShape(zeros: 0x3030_3a30_303a_3030, room: 0x7676_7f76_767f_7676)
    }
}

/// At each index the number of two digits that begins there.
struct DigitPairs {
    private let values: UInt64

    /// Nil where the eight bytes at `place` do not have the shape.
    @inline(__always)
    init?(at place: UnsafeRawPointer, _ shape: DigitShape) {
        // Leaves the digits' values, and 0 for a separator. Adding the room then sets a byte's high bit if it
        // is more than 9, or not its separator; a carry comes only out of a byte that has the bit already.
        let values = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self)) ^ shape.zeros
        guard (values | (values &+ shape.room)) & 0x8080_8080_8080_8080 == 0 else { return nil }
        self.values = values &* 10 &+ values >> 8
    }

    subscript(index: Int) -> Int {
        Int(truncatingIfNeeded: values &>> UInt64(index &* 8) & 0xff)
    }
}

/// Writes ASCII into memory that is large enough.
struct DigitWriter {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    mutating func write(_ byte: UInt8) {
        buffer.initializeElement(at: count, to: byte)
        count += 1
    }

    /// The last `digits` digits of a number that is not negative.
    mutating func write(_ value: Int, digits: Int) {
        var rest = value
        for index in stride(from: count + digits - 1, through: count, by: -1) {
            buffer.initializeElement(at: index, to: UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        count += digits
    }

    mutating func write(_ date: CalendarDay, separator: UInt8?) {
        if date.year < 0 { write(UInt8(ascii: "-")) }
        let year = date.year.magnitude
        write(Int(year), digits: year < 10_000 ? 4 : year < 1_000_000 ? 6 : 7)
        if let separator { write(separator) }
        write(date.month, digits: 2)
        if let separator { write(separator) }
        write(date.day, digits: 2)
    }
}
