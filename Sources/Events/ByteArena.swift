#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Growing memory that texts are appended to and later read back from by `TextSlice`. Owns its memory.
package struct ByteArena: ~Copyable {
    package private(set) var base: UnsafeMutablePointer<UInt8>
    package private(set) var count = 0
    private var capacity: Int

    package init(capacity: Int = 4096) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    /// Forgets the contents and keeps the memory.
    package mutating func removeAll() { count = 0 }

    /// Forgets what was appended after `mark`, an earlier `count`.
    package mutating func truncate(to mark: Int) { count = mark }

    @inline(__always)
    package mutating func reserve(_ additional: Int) {
        if additional > capacity &- count { grow(additional) }
    }

    @inline(never)
    private mutating func grow(_ additional: Int) {
        let newCapacity = max(capacity * 2, count + additional)
        let newBase = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
        newBase.update(from: base, count: count)
        base.deallocate()
        base = newBase
        capacity = newCapacity
    }

    @inline(__always)
    package mutating func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count += 1
    }

    @inline(__always)
    package mutating func append(_ start: UnsafePointer<UInt8>, _ byteCount: Int) {
        reserve(byteCount)
        memcpy(base + count, start, byteCount)
        count += byteCount
    }

    /// Appends a text from memory of which `readable` bytes can be read. A short one is copied as 32 bytes: that
    /// costs two instructions each way, where the length of a copy makes branches that are often mispredicted.
    @inline(__always)
    package mutating func append(_ start: UnsafePointer<UInt8>, _ byteCount: Int, readable: Int) {
        guard byteCount <= 32, readable >= 32 else { return append(start, byteCount) }
        reserve(32)
        let bytes = UnsafeRawPointer(start).loadUnaligned(as: SIMD32<UInt8>.self)
        UnsafeMutableRawPointer(base + count).storeBytes(of: bytes, as: SIMD32<UInt8>.self)
        count &+= byteCount
    }

    package mutating func append(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { append(byte) }
    }

    /// Appends a decimal number.
    package mutating func append(decimal number: Int64) {
        var magnitude = number.magnitude
        if number < 0 { append(UInt8(ascii: "-")) }
        var divisor: UInt64 = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(magnitude / divisor))
            magnitude %= divisor
            divisor /= 10
        }
    }

    /// What was appended since `mark`, an earlier `count`.
    @inline(__always)
    package func slice(from mark: Int) -> TextSlice {
        TextSlice(offset: UInt32(truncatingIfNeeded: mark), count: UInt32(truncatingIfNeeded: count - mark))
    }

    @inline(__always)
    package func bytes(of slice: TextSlice) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + Int(slice.offset), count: Int(slice.count))
    }

    package func string(of slice: TextSlice) -> String { String(decoding: bytes(of: slice), as: UTF8.self) }
}

/// Where a text stands in a `ByteArena`. An absent text (SQL null) is not an empty one.
package struct TextSlice: Equatable, Sendable {
    package var offset: UInt32
    package var count: UInt32

    @inline(__always)
    package init(offset: UInt32, count: UInt32) {
        self.offset = offset
        self.count = count
    }

    package static let absent = TextSlice(offset: .max, count: 0)
    @inline(__always) package var isAbsent: Bool { offset == .max }
}
