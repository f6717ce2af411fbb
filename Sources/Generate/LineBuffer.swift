/// The bytes of one line in the making. Appending checks no bounds: a line is always below `capacity`.
struct LineBuffer: ~Copyable {
    /// Several times the longest line there is: an order with its most items and longest texts.
    static let capacity = 4_096

    private let base: UnsafeMutableRawPointer
    private(set) var count = 0
    /// The day of the last time written, since 1970, and its text with the `T`.
    private var day = Int64.min
    private let dayText: UnsafeMutableRawPointer

    init() {
        base = .allocate(byteCount: LineBuffer.capacity, alignment: 16)
        dayText = .allocate(byteCount: 16, alignment: 16)
    }

    deinit {
        base.deallocate()
        dayText.deallocate()
    }

    /// Valid until the next change of the line.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    mutating func clear() { count = 0 }

    mutating func cut(to newCount: Int) { count = min(count, newCount) }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        base.storeBytes(of: value, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always)
    mutating func text(_ text: StaticString) {
        (base + count).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        count &+= text.utf8CodeUnitCount
    }

    /// The low `digits` hexadecimal digits of a number.
    @inline(__always)
    mutating func hexadecimal(_ value: UInt64, digits: Int) {
        var shift = UInt64(digits &* 4)
        for _ in 0..<digits {
            shift &-= 4
            let nibble = UInt8(truncatingIfNeeded: value &>> shift) & 15
            byte(nibble &+ (nibble < 10 ? 48 : 87))
        }
    }

    /// A number in decimal, with zeros in front where it has fewer digits.
    @inline(__always)
    mutating func decimal(_ value: UInt64, atLeast digits: Int = 1) {
        var width = 1
        var limit: UInt64 = 10
        while width < 19, value >= limit {
            width &+= 1
            limit &*= 10
        }
        width = max(width, digits)
        LineBuffer.put(value, into: base + count, width: width)
        count &+= width
    }

    /// ISO 8601 with milliseconds and `Z`, of Unix milliseconds from 1970 to 9999.
    mutating func time(_ milliseconds: Int64) {
        let newDay = milliseconds / 86_400_000
        if newDay != day { setDay(newDay) }
        let ofDay = UInt64(milliseconds &- newDay &* 86_400_000)
        let line = base + count
        line.copyMemory(from: dayText, byteCount: 11)
        LineBuffer.put(ofDay / 3_600_000, into: line + 11, width: 2)
        LineBuffer.put(ofDay / 60_000 % 60, into: line + 14, width: 2)
        LineBuffer.put(ofDay / 1_000 % 60, into: line + 17, width: 2)
        LineBuffer.put(ofDay % 1_000, into: line + 20, width: 3)
        line.storeBytes(of: UInt8(ascii: ":"), toByteOffset: 13, as: UInt8.self)
        line.storeBytes(of: UInt8(ascii: ":"), toByteOffset: 16, as: UInt8.self)
        line.storeBytes(of: UInt8(ascii: "."), toByteOffset: 19, as: UInt8.self)
        line.storeBytes(of: UInt8(ascii: "Z"), toByteOffset: 23, as: UInt8.self)
        count &+= 24
    }

    /// The civil date of a day: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    private mutating func setDay(_ newDay: Int64) {
        day = newDay
        let shifted = newDay + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        LineBuffer.put(UInt64(year), into: dayText, width: 4)
        LineBuffer.put(UInt64(month), into: dayText + 5, width: 2)
        LineBuffer.put(UInt64(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1), into: dayText + 8, width: 2)
        dayText.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 4, as: UInt8.self)
        dayText.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 7, as: UInt8.self)
        dayText.storeBytes(of: UInt8(ascii: "T"), toByteOffset: 10, as: UInt8.self)
    }

    @inline(__always)
    private static func put(_ value: UInt64, into target: UnsafeMutableRawPointer, width: Int) {
        var rest = value
        var place = width
        while place > 0 {
            place &-= 1
            target.storeBytes(
                of: UInt8(truncatingIfNeeded: rest % 10) &+ 48, toByteOffset: place, as: UInt8.self)
            rest /= 10
        }
    }
}
